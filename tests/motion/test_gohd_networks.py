"""GoHD's networks of motion: what they are told matters, what they are not does not."""

import pytest
import torch
from zero_init import fill_zero_init

from emo.errors import ConfigError, OptionError
from emo.motion import CONTROLS
from emo.motion.blocks import FrameConvolution
from emo.motion.discriminators import HeardDiscriminator, SequenceDiscriminator
from emo.motion.gohd import EXPRESSION, EYES, POSE, EyeMotionGenerator, LipMapper, PoseDenoiser, gohd_scheduler
from emo.motion.gohd.expression import NETWORKS
from emo.motion.gohd.past_transformer import REACH, PastTransformer

A, T = 5, 12


def denoiser(**options) -> PoseDenoiser:
    torch.manual_seed(0)
    space = CONTROLS.only(*POSE)
    sizes = {"max_length": 16, "overlap": 4, "dim": 16, "layers": 3, "heads": 2} | options
    network = PoseDenoiser(space=space.to_dict(), audio_dim=A, reach=space.deviation.tolist(), **sizes)
    return fill_zero_init(network).eval()


def inputs(seed: int = 0) -> dict:
    drawn = torch.Generator().manual_seed(seed)
    return {
        "sample": torch.randn(2, T, 6, generator=drawn),
        "timestep": torch.tensor([3, 100]),
        "audio": torch.randn(2, T, A, generator=drawn),
        "first": torch.randn(2, 6, generator=drawn),
        "has_first": torch.tensor([True, True]),
    }


@torch.no_grad()
def predicted(network: PoseDenoiser, **changes) -> torch.Tensor:
    return network(**inputs() | changes)


def mapper(**options) -> LipMapper:
    torch.manual_seed(0)
    space = CONTROLS.only(*EXPRESSION)
    return LipMapper(space=space.to_dict(), eyes=EYES, audio_dim=A, embedding_dim=8, dim=16, **options).eval()


def generator(network: str = "lstm") -> EyeMotionGenerator:
    torch.manual_seed(0)
    sizes = {"columns": 2, "expression_columns": 6, "embedding_dim": 8, "noise_dim": 3, "dim": 8, "heads": 2}
    return EyeMotionGenerator(**sizes, network=network).eval()


def test_a_space_of_some_parts():
    space = CONTROLS.only("eyes", "pose")
    assert space.names == ("yaw", "pitch", "roll", "tx", "ty", "scale", "gaze_x", "gaze_y", "blink")
    assert set(space.parts) == {"pose", "eyes", "gaze", "lids"}
    assert space.only("gaze").names == ("gaze_x", "gaze_y")
    with pytest.raises(OptionError, match="no 'mouth'"):
        space.only("mouth")


def test_all_that_is_told_matters():
    network = denoiser()
    whole = predicted(network)
    assert whole.shape == (2, T, 6)
    for name in ("sample", "audio", "first"):
        assert not torch.allclose(predicted(network, **{name: inputs(1)[name]}), whole), name
    assert not torch.allclose(predicted(network, timestep=torch.tensor([3, 50]))[1], whole[1])


def test_a_first_pose_that_is_dropped_does_not_matter():
    network, alone = denoiser(), torch.tensor([False, True])
    one, other = (predicted(network, has_first=alone, first=inputs(seed)["first"]) for seed in (0, 1))
    assert torch.equal(one[0], other[0])
    assert not torch.allclose(one[1], other[1])
    zero = torch.zeros(2, 6)
    assert not torch.allclose(predicted(network, first=zero), predicted(network, first=zero, has_first=~alone)[:1])


def test_frames_that_are_not_there_reach_no_other():
    network, mask = denoiser(), torch.ones(2, T, dtype=torch.bool)
    mask[:, 8:] = False
    sample = inputs()["sample"].clone()
    sample[:, 8:] = 7
    one, other = predicted(network, frame_mask=mask), predicted(network, frame_mask=mask, sample=sample)
    torch.testing.assert_close(one[:, :8], other[:, :8])
    assert not torch.allclose(predicted(network)[:, :8], predicted(network, sample=sample)[:, :8])


def test_blocks_see_farther_and_farther_until_the_cycle_begins_again():
    network = denoiser(layers=5, dilation_cycle=3)
    dilations = [block.conformers[0].convolution.depthwise.dilation for block in network.blocks]
    assert dilations == [(1,), (2,), (4,), (1,), (2,)]


def test_without_attention_frames_see_no_further_than_convolutions():
    def reached(**options) -> list[int]:
        network, sample = denoiser(layers=1, **options), inputs()["sample"].clone()
        sample[:, 0] += 1
        change = (predicted(network, sample=sample) - predicted(network)).abs().sum(-1)[0]
        return (change > 1e-6).nonzero().flatten().tolist()

    assert reached() == list(range(T))
    assert reached(attention=False) == [0, 1, 2]  # two convolutions of three frames


def test_a_dilated_convolution_skips_frames():
    torch.manual_seed(0)
    layer, x = FrameConvolution(4, 3, dilation=3), torch.randn(1, 11, 4)
    with torch.no_grad():
        change = (layer(x + (torch.arange(11) == 5)[None, :, None]) - layer(x)).abs().sum(-1)[0]
    assert change.nonzero().flatten().tolist() == [2, 5, 8]


def test_poses_are_what_they_are_moved_from_the_first():
    network, poses = denoiser(), torch.randn(2, T, 6)
    moved = network.moved(poses, poses[:, 0])
    assert (moved[:, 0] == 0).all()
    torch.testing.assert_close(moved[:, 3, 0], (poses[:, 3, 0] - poses[:, 0, 0]) / 7.0)
    torch.testing.assert_close(network.placed(moved, poses[:, 0]), poses)


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="give 0 to 15"):
        denoiser(overlap=16)
    space = CONTROLS.only(*POSE).to_dict()
    with pytest.raises(ConfigError, match="2 reaches for 6 columns"):
        PoseDenoiser(space=space, audio_dim=A, reach=[1.0, 1.0], dim=16, layers=1, heads=2)


def test_a_saved_network_is_the_same(tmp_path):
    network = denoiser()
    network.save_pretrained(tmp_path)
    assert torch.equal(predicted(PoseDenoiser.from_pretrained(tmp_path)), predicted(network))


def test_noise_is_diffwaves():
    scheduler = gohd_scheduler()
    assert (len(scheduler.betas), scheduler.betas[0].item(), scheduler.betas[-1].item()) == pytest.approx(
        (150, 1e-4, 0.05)
    )
    assert scheduler.config["prediction_type"] == "epsilon"
    assert gohd_scheduler("sample").config["prediction_type"] == "sample"


@torch.no_grad()
def test_lips_are_of_their_own_frame_beginning_and_eyes():
    network = mapper()
    audio, first, eyes = torch.randn(1, T, A), torch.randn(1, 6), torch.randn(1, T, 2)
    whole = network(network.embed(audio), first, eyes)
    assert whole.shape == (1, T, 6)
    torch.testing.assert_close(network(network.embed(audio[:, 3:4]), first, eyes[:, 3:4]), whole[:, 3:4])
    assert not torch.allclose(network(network.embed(audio), first + 1, eyes), whole)
    assert not torch.allclose(network(network.embed(audio), first, eyes + 1), whole)
    assert not torch.allclose(network(network.embed(audio + 1), first, eyes), whole)
    assert [network.space.names[column] for column in network.eyes] == ["blink", "brow"]


@torch.no_grad()
@pytest.mark.parametrize("kind", NETWORKS)
def test_eyes_go_on_from_their_memory_and_by_their_noise(kind):
    network = generator(kind)
    embedding, first, eyes, noise = torch.randn(1, T, 8), torch.randn(1, 6), torch.randn(1, 2), torch.randn(1, T, 3)
    whole, end = network(embedding, first, eyes, noise)
    begun, memory = network(embedding[:, :5], first, eyes, noise[:, :5])
    rest, after = network(embedding[:, 5:], first, eyes, noise[:, 5:], memory)
    torch.testing.assert_close(torch.cat([begun, rest], 1), whole)
    torch.testing.assert_close(after, end)
    for changed in ((embedding + 1, first, eyes, noise), (embedding, first + 1, eyes, noise)):
        assert not torch.allclose(network(*changed)[0], whole)
    assert not torch.allclose(network(embedding, first, eyes + 1, noise)[0], whole)
    assert not torch.allclose(network(embedding, first, eyes, -noise)[0], whole)
    if kind != "lstm":
        return
    for weights in network.lstm.parameters():
        torch.nn.init.zeros_(weights)
    still, _ = network(embedding, first, eyes, noise)
    torch.testing.assert_close(still, still[:, :1].expand_as(still))
    assert not torch.allclose(network(embedding, first, eyes + 1, noise)[0], still)  # eyes go on from what they did


@torch.no_grad()
def test_a_transformer_sees_what_was_and_not_what_comes():
    torch.manual_seed(0)
    network = PastTransformer(columns=3, dim=8, layers=2, heads=2).eval()
    x = torch.randn(1, 3 * REACH, 3)
    whole, _ = network(x)
    changed = x.clone()
    changed[:, 60] += 1
    moved = (network(changed)[0] - whole).abs().sum(-1)[0] > 1e-6
    assert moved.nonzero().flatten().tolist() == list(range(60, 60 + 2 * REACH - 1)[: 3 * REACH - 60])
    memory, pieces = None, []
    for piece in x.split(35, 1):  # its memory reaches as far as it sees
        made, memory = network(piece, memory)
        pieces.append(made)
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-5, rtol=1e-4)
    assert memory is not None
    assert len(memory[0]) == 2 * (REACH - 1)


def test_eyes_are_moved_by_a_network_that_there_is():
    with pytest.raises(ConfigError, match="lstm or transformer, not by 'gru'"):
        generator("gru")


def test_discriminators_judge_stretches_and_frames():
    torch.manual_seed(0)
    sequences, sound = torch.randn(2, 40, 3), torch.randn(2, 40, 5)
    scores = SequenceDiscriminator(columns=3, block_out_channels=(8, 8))(sequences)
    assert scores.shape == (2, 10)
    judge = HeardDiscriminator(columns=3, embedding_dim=5, dim=16, layers=1, heads=2)
    assert judge(sequences, sound).shape == (2, 40)
    assert not torch.allclose(judge(sequences, sound), judge(sequences, -sound))
