"""VASA-1's motion model: what reaches the prediction, and what does not."""

import pytest
import torch

from emo.errors import ConfigError
from emo.motion import CONTROLS
from emo.motion.blocks import with_bit
from emo.motion.vasa import CONDITIONS, HolisticMotionTransformer

W, K, A, D, B = 8, 3, 5, len(CONTROLS), 2
SIZES = {"audio_dim": A, "emotions": ["happy", "angry"], "window_length": W, "prefix_length": K}
SIZES |= {"dim": 16, "layers": 2, "heads": 2}


@pytest.fixture(scope="module")
def denoiser() -> HolisticMotionTransformer:
    torch.manual_seed(0)
    return HolisticMotionTransformer(space=CONTROLS.to_dict(), distance_mean=1.2, distance_deviation=0.2, **SIZES)


def inputs(**changed) -> dict:
    """Of the denoiser, all of them random."""
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(B, *shape, generator=generator)

    given = {"sample": random(W, D), "timestep": torch.tensor([5, 700]), "audio": random(K + W, A)}
    given |= {"previous": random(K, D), "gaze": random(2), "distance": random(1), "emotion": random(2)}
    return given | {"kept": kept(), "frame_mask": torch.ones(B, W, dtype=torch.bool)} | changed


def kept(*dropped: str) -> dict[str, torch.Tensor]:
    return {name: torch.full((B,), name not in dropped) for name in CONDITIONS}


def predicted(denoiser, **changed) -> torch.Tensor:
    with torch.no_grad():
        return denoiser(**inputs(**changed))


def replaced(name: str, value: float) -> dict[str, torch.Tensor]:
    """Inputs in which one condition is something else: of `audio` the window's, of `previous` what is before it."""
    if name not in ("audio", "previous"):
        return {name: torch.full_like(inputs()[name], value)}
    audio = inputs()["audio"].clone()
    audio[:, slice(K, None) if name == "audio" else slice(0, K)] = value
    return {"audio": audio} | ({"previous": torch.full((B, K, D), value)} if name == "previous" else {})


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_value_of_a_dropped_condition_does_not_matter(denoiser, name):
    dropped = predicted(denoiser, kept=kept(name))
    assert (predicted(denoiser, kept=kept(name), **replaced(name, float("nan"))) == dropped).all()
    assert not torch.allclose(predicted(denoiser, **replaced(name, 3.0)), predicted(denoiser))


@pytest.mark.parametrize("name", CONDITIONS)
def test_zero_is_a_value_that_is_there(denoiser, name):
    zero = replaced(name, 1.2 if name == "distance" else 0.0)
    assert not torch.allclose(predicted(denoiser, kept=kept(name)), predicted(denoiser, **zero), atol=1e-4)


def test_distance_counts_from_the_usual_one_in_its_deviations(denoiser):
    other = HolisticMotionTransformer.from_config(denoiser.config, distance_mean=2.0, distance_deviation=0.5)
    other.load_state_dict(denoiser.state_dict())
    here, there = (predicted(which, distance=torch.full((B, 1), d)) for which, d in ((denoiser, 1.4), (other, 2.5)))
    torch.testing.assert_close(here, there)


def test_samples_of_a_batch_drop_each_their_own(denoiser):
    mixed = kept()
    mixed["audio"] = torch.tensor([True, False])
    both = predicted(denoiser, kept=mixed)
    torch.testing.assert_close(both[0], predicted(denoiser)[0])
    torch.testing.assert_close(both[1], predicted(denoiser, kept=kept("audio"))[1])


def test_frames_that_are_not_there_reach_no_other(denoiser):
    mask = torch.ones(B, W, dtype=torch.bool)
    mask[:, 5:] = False
    whole = predicted(denoiser, frame_mask=mask)[:, :5]
    audio, sample = inputs()["audio"].clone(), inputs()["sample"].clone()
    audio[:, K + 5 :] = sample[:, 5:] = 50
    torch.testing.assert_close(predicted(denoiser, frame_mask=mask, audio=audio, sample=sample)[:, :5], whole)
    shorter = predicted(denoiser, frame_mask=None, audio=audio[:, : K + 5], sample=sample[:, :5])
    torch.testing.assert_close(shorter, whole)
    assert not torch.allclose(predicted(denoiser)[:, :5], whole)


def test_every_frame_hears_and_sees_the_others(denoiser):
    x = inputs(sample=inputs()["sample"].requires_grad_(), audio=inputs()["audio"].requires_grad_())
    denoiser(**x)[:, 0].square().sum().backward()
    assert (x["sample"].grad.abs().sum(-1) > 0).all()
    assert (x["audio"].grad.abs().sum(-1) > 0).all()
    denoiser.zero_grad()


def test_every_parameter_learns_whatever_is_dropped(denoiser):
    denoiser(**inputs(kept=kept(*CONDITIONS))).square().sum().backward()
    assert [name for name, p in denoiser.named_parameters() if p.grad is None] == []
    denoiser.zero_grad()


def test_saved_and_loaded_it_predicts_the_same(denoiser, tmp_path):
    denoiser.save_pretrained(tmp_path)
    loaded = HolisticMotionTransformer.from_pretrained(tmp_path)
    assert (loaded.space, loaded.fps) == (CONTROLS, 25)
    assert (predicted(loaded) == predicted(denoiser)).all()


def test_it_works_in_half_precision(denoiser):
    half = HolisticMotionTransformer.from_config(denoiser.config).to(torch.bfloat16)
    x = {k: v.bfloat16() if torch.is_tensor(v) and v.is_floating_point() else v for k, v in inputs().items()}
    with torch.no_grad():
        assert half(**x).dtype == torch.bfloat16


def test_more_frames_before_a_window_than_in_it_are_refused():
    for prefix in (0, W + 1):
        with pytest.raises(ConfigError, match=f"1 to {W}"):
            HolisticMotionTransformer(space=CONTROLS.to_dict(), **{**SIZES, "prefix_length": prefix})


def test_the_papers_size_has_the_papers_width():
    with torch.device("meta"):
        paper = HolisticMotionTransformer(space=CONTROLS.to_dict(), audio_dim=768, emotions=["happy"])
        blocks = sum(p.numel() for p in paper.blocks.parameters())
        assert len(paper.blocks) == 8
        assert blocks == pytest.approx(12 * 512**2 * 8, rel=0.01)


def test_a_bit_stands_beside_every_value():
    value = torch.ones(2, 3, 4)
    both = with_bit(value, torch.tensor([True, False]))
    assert both.shape == (2, 3, 5)
    assert (both[0] == 1).all()
    assert (both[1] == 0).all()
