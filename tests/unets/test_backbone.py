"""The two networks as models: shapes, batches, saving, precision, gradients."""

import pytest
import torch
from tiny_unets import (
    BACKBONE,
    F,
    assert_close,
    backbone_inputs,
    distance,
    raw_inputs,
    run,
    tiny_backbone,
    tiny_reference_net,
)

from emo.unets import BackboneUNet, KeyValue, PerSite, ReferenceNet


def one_video(value, index: int):
    """Video `index` alone, of a tensor or of one value per site."""
    if isinstance(value, PerSite):
        return value.map(lambda site: one_video(site, index))
    if isinstance(value, KeyValue):
        return KeyValue(*(one_video(part, index) for part in value))
    return value[index : index + 1]


@pytest.mark.parametrize(
    ("batch", "frames", "height", "width"), [(1, 1, 4, 4), (2, 3, 4, 6), (1, 5, 8, 2), (3, 2, 2, 2)]
)
def test_the_prediction_has_the_shape_of_the_sample(backbone, reference_net, batch, frames, height, width):
    sizes = {"batch": batch, "frames": frames, "height": height, "width": width}
    assert backbone(**backbone_inputs(backbone, reference_net, **sizes)).shape == (batch, frames, 4, height, width)


def test_out_channels_may_differ_from_in_channels(reference_net):
    backbone = tiny_backbone(out_channels=7)
    assert backbone(**backbone_inputs(backbone, reference_net)).shape == (2, F, 7, 4, 6)


def test_an_aligned_reference_starts_without_effect_and_is_told_by_place(reference_net, inputs):
    plain, aligned = tiny_backbone(), tiny_backbone(aligned_reference=True, fill=False)
    layers = [module.aligned for module in aligned.modules() if getattr(module, "aligned", None) is not None]
    assert len(layers) == len(inputs["reference"].values())
    assert not any(layer.weight.any() for layer in layers)
    aligned.load_state_dict(plain.state_dict(), strict=False)
    assert_close(aligned(**inputs), plain(**inputs), 1e-6)
    for layer in layers:
        torch.nn.init.normal_(layer.weight, std=0.2, generator=torch.Generator().manual_seed(0))
    rolled = inputs["reference"].map(lambda kv: KeyValue(kv.key.roll(1, 1), kv.value.roll(1, 1)))
    moved = {**inputs, "reference": rolled}
    assert_close(plain(**moved), plain(**inputs))  # attention does not see where its keys stand
    assert distance(aligned(**moved), aligned(**inputs)) > 1e-2
    dropped = {**inputs, "reference": inputs["reference"].dropped()}
    assert_close(aligned(**dropped), plain(**dropped), 1e-5)


def test_a_batch_equals_its_videos_one_by_one(backbone, inputs):
    together = backbone(**inputs)
    for index in range(len(together)):
        assert_close(backbone(**{k: one_video(v, index) for k, v in inputs.items()}), together[index : index + 1])


def test_same_seed_same_network_same_output(inputs):
    first, second, other = tiny_backbone(seed=5), tiny_backbone(seed=5), tiny_backbone(seed=6)
    output = first(**inputs)
    assert torch.equal(output, first(**inputs))
    assert torch.equal(output, second(**inputs))
    assert distance(output, other(**inputs)) > 1e-3


def test_saved_networks_load_and_give_the_same_output(tmp_path, backbone, reference_net):
    for name, model in (("unet", backbone), ("reference_unet", reference_net)):
        model.save_pretrained(tmp_path / name)
        assert {path.name for path in (tmp_path / name).iterdir()} == {
            "config.json",
            "diffusion_pytorch_model.safetensors",
        }
    loaded = BackboneUNet.from_pretrained(tmp_path / "unet")
    loaded_reference = ReferenceNet.from_pretrained(tmp_path / "reference_unet")
    for new, old in ((loaded, backbone), (loaded_reference, reference_net)):
        torch.testing.assert_close(new.state_dict(), old.state_dict(), rtol=0, atol=0)
    assert_close(run(loaded, loaded_reference, raw_inputs()), run(backbone, reference_net, raw_inputs()), 1e-6)
    assert {k: v for k, v in loaded.config.items() if k in BACKBONE} == {
        k: list(v) if isinstance(v, tuple) else v for k, v in BACKBONE.items()
    }


def test_a_network_loads_in_half_precision(tmp_path, backbone):
    backbone.save_pretrained(tmp_path)
    loaded = BackboneUNet.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 0.05), (torch.float16, 0.005)])
def test_half_precision_is_close_to_full(dtype, tolerance):
    exact = run(tiny_backbone(), tiny_reference_net(), raw_inputs())
    raw = {k: v if k == "timestep" else v.to(dtype) for k, v in raw_inputs().items()}
    rounded = run(tiny_backbone().to(dtype), tiny_reference_net().to(dtype), raw)
    assert rounded.dtype == dtype
    assert_close(rounded.float(), exact, tolerance)


def test_each_video_has_its_own_timestep(backbone, inputs):
    before = backbone(**inputs)
    inputs["timestep"] = inputs["timestep"] + torch.tensor([0, -600])
    after = backbone(**inputs)
    assert torch.equal(after[0], before[0])
    assert all(distance(after[1, f], before[1, f]) > 1e-5 for f in range(F))


def test_each_frame_has_its_own_timestep(backbone, reference_net):
    inputs = backbone_inputs(backbone, reference_net) | dict.fromkeys(["motion", "audio", "speed"])
    timesteps = torch.tensor([[900, 3, 400], [1, 999, 50]])
    together = backbone(**inputs | {"timestep": timesteps})
    for frame in range(F):
        alone = backbone(**inputs | {"timestep": timesteps[:, frame]})
        assert_close(together[:, frame], alone[:, frame])
        assert distance(together[:, frame], alone[:, frame - 1]) > 1e-3


def gradients(checkpointing: bool) -> dict[str, torch.Tensor | None]:
    """Every parameter's gradient, both networks trained together with all conditions."""
    backbone, reference_net = tiny_backbone().train(), tiny_reference_net().train()
    if checkpointing:
        backbone.enable_gradient_checkpointing()
        reference_net.enable_gradient_checkpointing()
        assert backbone.is_gradient_checkpointing
        assert reference_net.is_gradient_checkpointing
    run(backbone, reference_net, raw_inputs()).square().mean().backward()
    named = [("unet." + k, p) for k, p in backbone.named_parameters()]
    named += [("reference_unet." + k, p) for k, p in reference_net.named_parameters()]
    return {name: parameter.grad for name, parameter in named}


def test_every_parameter_gets_a_gradient_when_all_conditions_are_given():
    without = [name for name, gradient in gradients(False).items() if gradient is None or not gradient.any()]
    assert without == []


def test_gradient_checkpointing_gives_equal_gradients():
    plain, checkpointed = gradients(False), gradients(True)
    for name, gradient in plain.items():
        torch.testing.assert_close(checkpointed[name], gradient, rtol=1e-4, atol=1e-7, msg=name)


def test_gradient_checkpointing_recomputes_every_site(monkeypatch):
    backbone, reference_net = tiny_backbone(), tiny_reference_net()
    calls = []
    for model, name in ((backbone, "unet"), (reference_net, "reference_unet")):
        model.enable_gradient_checkpointing()
        for resnet in [m for m in model.modules() if type(m).__name__ == "ResnetBlock2D"]:
            resnet.register_forward_pre_hook(lambda *_, name=name: calls.append(name))
    output = run(backbone, reference_net, raw_inputs())
    sites = 2 + 1 + 4  # down, middle, up; the middle's second ResNet is outside of its site
    assert (calls.count("unet"), calls.count("reference_unet")) == (sites + 1, sites + 1)
    output.sum().backward()
    assert (calls.count("unet"), calls.count("reference_unet")) == (2 * sites + 1, 2 * sites + 1)


def names_without_gradient(raw: dict[str, torch.Tensor], train_reference: bool = True) -> set[str]:
    backbone, reference_net = tiny_backbone(), tiny_reference_net()
    run(backbone, reference_net, raw).square().mean().backward()
    model = reference_net if train_reference else backbone
    return {name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()}


def test_stage_1_leaves_out_what_only_feeds_motion_taps():
    """Stage 1 (3.3): no motion frames. After the last site with spatial attention nothing asks the ReferenceNet."""
    raw = raw_inputs(frames=1)
    stage_1 = {key: raw[key] for key in ("sample", "timestep", "reference_latents", "face_mask_features")}
    last = "up_blocks.1.attentions.1"
    after_the_tap = [f"{last}.transformer_blocks.0.{layer}" for layer in ("norm3", "ff.net.0.proj", "ff.net.2")]
    expected = {f"{layer}.{kind}" for layer in [*after_the_tap, f"{last}.proj_out"] for kind in ("weight", "bias")}
    assert names_without_gradient(stage_1) == expected


def test_stage_1_leaves_out_the_backbones_new_layers_only():
    raw = raw_inputs(frames=1)
    stage_1 = {key: raw[key] for key in ("sample", "timestep", "reference_latents", "face_mask_features")}
    new = {n for n, _ in tiny_backbone().named_parameters() if "motion_modules" in n or ".audio_" in n}
    assert names_without_gradient(stage_1, train_reference=False) == new


def test_the_positional_embeddings_must_hold_motion_and_generated_frames():
    assert tiny_backbone(motion_max_seq_length=5).config.motion_max_seq_length == 5
    with pytest.raises(ValueError, match=r"motion_max_seq_length=4 .* 5"):
        tiny_backbone(motion_max_seq_length=4)
