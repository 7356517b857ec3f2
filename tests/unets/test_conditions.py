"""Which condition reaches what, with every zero-initialized tensor filled."""

import dataclasses

import pytest
import torch
from tiny_unets import B, F, N, assert_close, backbone_inputs, distance, raw_inputs, run, tiny_backbone

from emo.unets import FaceLocator, KeyValue, ReferenceKeyValues

VISIBLE = 1e-5  # fp32 noise of these outputs is below 1e-6


def changed_frames(before: torch.Tensor, after: torch.Tensor) -> set[tuple[int, int]]:
    """(video, frame) pairs that differ at all."""
    return {
        (b, f)
        for b in range(len(before))
        for f in range(before.shape[1])
        if not torch.equal(before[b, f], after[b, f])
    }


@pytest.mark.parametrize("name", ["reference_latents", "motion_latents", "audio", "face_mask_features", "speed"])
def test_every_condition_matters_to_every_frame_of_its_video_and_to_no_other(backbone, reference_net, name):
    raw = raw_inputs()
    before = run(backbone, reference_net, raw)
    raw[name] = raw[name].clone()
    raw[name][1] = -raw[name][1]
    after = run(backbone, reference_net, raw)
    assert changed_frames(before, after) == {(1, f) for f in range(F)}
    assert all(distance(before[1, f], after[1, f]) > VISIBLE for f in range(F))


@pytest.mark.parametrize("name", ["motion_latents", "audio", "speed"])
def test_none_is_not_zeros(backbone, reference_net, name):
    raw = raw_inputs()
    zeros = run(backbone, reference_net, {**raw, name: torch.zeros_like(raw[name])})
    none = run(backbone, reference_net, {key: value for key, value in raw.items() if key != name})
    assert distance(zeros, none) > VISIBLE
    assert distance(run(backbone, reference_net, raw), none) > VISIBLE


def test_zero_maps_are_not_skipped_temporal_modules(backbone, inputs):
    none = backbone(**{**inputs, "motion": None})
    assert distance(backbone(**{**inputs, "motion": inputs["motion"].map(torch.zeros_like)}), none) > VISIBLE


def test_without_temporal_modules_each_frame_stands_alone(backbone, inputs):
    del inputs["motion"]
    before = backbone(**inputs)
    for name in ("sample", "audio"):
        for frame in range(F):
            value = inputs[name].clone()
            value[1, frame] += 1
            after = backbone(**{**inputs, name: value})
            assert changed_frames(before, after) == {(1, frame)}, name


def test_without_temporal_modules_frames_may_be_given_in_any_order(backbone, inputs):
    del inputs["motion"]
    order = [2, 0, 1]
    shuffled = {**inputs, "sample": inputs["sample"][:, order], "audio": inputs["audio"][:, order]}
    assert_close(backbone(**shuffled), backbone(**inputs)[:, order], 1e-6)


def test_temporal_modules_join_the_frames_of_a_video_and_know_their_order(backbone, inputs):
    before = backbone(**inputs)
    value = inputs["sample"].clone()
    value[0, 2] += 1
    assert changed_frames(before, backbone(**{**inputs, "sample": value})) == {(0, f) for f in range(F)}

    order = [2, 0, 1]
    shuffled = {**inputs, **{key: inputs[key][:, order] for key in ("sample", "audio", "speed")}}
    assert distance(backbone(**shuffled), before[:, order]) > VISIBLE


def test_speed_is_a_layer_of_the_temporal_modules(backbone, inputs):
    image = {**inputs, "motion": None}
    assert torch.equal(backbone(**image), backbone(**{**image, "speed": None}))


def test_each_motion_frame_matters_and_so_does_their_order(backbone, reference_net):
    raw = raw_inputs()
    before = run(backbone, reference_net, raw)
    for frame in range(N):
        motion = raw["motion_latents"].clone()
        motion[0, frame] += 1
        assert distance(run(backbone, reference_net, {**raw, "motion_latents": motion})[0], before[0]) > VISIBLE
    flipped = run(backbone, reference_net, {**raw, "motion_latents": raw["motion_latents"].flip(1)})
    assert distance(flipped, before) > VISIBLE


def test_the_number_of_motion_frames_is_free(backbone, reference_net):
    raw = raw_inputs()
    for n in (1, 4):
        motion = raw["motion_latents"][:, :1].repeat(1, n, 1, 1, 1)
        assert run(backbone, reference_net, {**raw, "motion_latents": motion}).shape == raw["sample"].shape


def test_new_branches_leave_the_output_unchanged_at_the_start(reference_net):
    """Zero start of audio, speed and temporal layers and of the face locator (3.2.2, 3.2.4, 3.2.5)."""
    backbone = tiny_backbone(fill=False)
    locator = FaceLocator(block_out_channels=(4, 6, 8, 10), out_channels=8)
    inputs = backbone_inputs(backbone, reference_net)
    inputs["face_mask_features"] = locator((inputs["sample"][:, :1, 0] > 0).float().repeat(1, 1, 8, 8))
    full = backbone(**inputs)
    bare = {key: inputs[key] for key in ("sample", "timestep", "reference")}
    assert torch.equal(full, backbone(**bare))
    for name in ("motion", "audio", "face_mask_features"):
        assert torch.equal(backbone(**bare, **{name: inputs[name]}), full), name
    assert torch.equal(backbone(**bare, motion=inputs["motion"], speed=inputs["speed"]), full)


def test_mask_features_are_added_to_the_first_feature_map(backbone, inputs):
    """After `conv_in`, the same for all frames; zeros therefore equal `None`, unlike the other conditions."""
    seen = []
    hook = backbone.down_blocks[0].resnets[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    try:
        with_mask = backbone(**inputs)
        none = backbone(**{**inputs, "face_mask_features": None})
    finally:
        hook.remove()
    added = (seen[0] - seen[1]).unflatten(0, (B, F))
    assert_close(added, inputs["face_mask_features"][:, None].expand_as(added), 1e-6)
    assert distance(with_mask, none) > VISIBLE
    zeros = torch.zeros_like(inputs["face_mask_features"])
    assert torch.equal(backbone(**{**inputs, "face_mask_features": zeros}), none)


def test_dropped_reference_is_the_projection_of_zero_maps(backbone, reference_net, inputs):
    maps = reference_net(raw_inputs()["reference_latents"]).reference
    projected = backbone.project_reference(maps.map(torch.zeros_like))
    dropped = inputs["reference"].dropped()
    assert isinstance(dropped, ReferenceKeyValues)
    assert len(dropped.values()) == len(projected.values()) == len(inputs["reference"].values())
    for a, b in zip(dropped.values(), projected.values(), strict=True):
        assert isinstance(a, KeyValue)
        assert torch.equal(a.key, b.key)
        assert torch.equal(a.value, b.value)
    unguided = backbone(**{**inputs, "reference": dropped})
    assert torch.equal(unguided, backbone(**{**inputs, "reference": projected}))
    assert distance(unguided, backbone(**inputs)) > VISIBLE


def test_reference_features_cannot_be_changed(reference_net):
    features = reference_net(*(raw_inputs()[key] for key in ("reference_latents", "motion_latents")))
    for value, field in ((features, "reference"), (features.reference, "mid"), (features.motion, "down")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field, None)


@pytest.mark.parametrize("name", ["reference", "motion", "audio", "face_mask_features", "speed"])
def test_a_condition_for_another_number_of_videos_is_an_error(backbone, reference_net, name):
    """Two videos' conditions with four samples, as when only the samples are doubled for guidance; or, of the sound,
    which the last rows may lack, four videos' with two samples."""
    wide = backbone_inputs(backbone, reference_net)
    inputs = {key: value if (key == name) != (name == "audio") else _doubled(value) for key, value in wide.items()}
    if name == "motion":
        inputs["speed"] = None  # "No Speed"; with speed features the number of frames no longer fits
    with pytest.raises(ValueError, match=name):
        backbone(**inputs)


@pytest.mark.parametrize("name", ["audio", "speed"])
def test_a_condition_for_another_number_of_frames_is_an_error(backbone, reference_net, name):
    inputs = backbone_inputs(backbone, reference_net)
    with pytest.raises(ValueError, match=name):
        backbone(**{**inputs, name: inputs[name][:, :1]})


def _doubled(value):
    if isinstance(value, torch.Tensor):
        return value.repeat(2, *[1] * (value.ndim - 1))
    if isinstance(value, KeyValue):
        return KeyValue(*map(_doubled, value))
    return value.map(_doubled)
