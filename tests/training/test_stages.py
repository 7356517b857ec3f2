"""What each stage trains, by name, against the design's table; what it reads; and that the result is a pipeline."""

from dataclasses import replace

import pytest
import torch
from random_clips import RandomClips, make_stage
from tiny import FRAMES, MOTION_FRAMES, noise

from emo.errors import ConfigError
from emo.pipelines import EMOPipeline
from emo.training.emo.draws import draw
from emo.training.emo.encoders import EncodedBatch
from emo.training.emo.networks import EMONetworks
from emo.training.emo.objective import Features
from emo.training.loop import make_accelerator, train
from emo.training.lora import merge_lora

BEHIND_THE_LAST_REFERENCE_MAP = {
    f"reference_unet.up_blocks.1.attentions.1.{name}"
    for name in (
        "transformer_blocks.0.norm3.weight",
        "transformer_blocks.0.norm3.bias",
        "transformer_blocks.0.ff.net.0.proj.weight",
        "transformer_blocks.0.ff.net.0.proj.bias",
        "transformer_blocks.0.ff.net.2.weight",
        "transformer_blocks.0.ff.net.2.bias",
        "proj_out.weight",
        "proj_out.bias",
    )
}


def kind(name: str) -> str:
    """The row of the design's table to which a parameter belongs."""
    layer = name.split(".")
    if layer[0] == "speed_encoder" or {"speed_attn", "speed_norm"} & set(layer):
        return "speed"
    if layer[0] == "audio_projection" or {"audio_attn", "audio_norm"} & set(layer):
        return "audio"
    if "motion_modules" in layer:
        return "temporal"
    return {"unet": "spatial"}.get(layer[0], layer[0])


TABLE = {
    1: {"spatial", "reference_unet", "face_locator"},
    2: {"spatial", "reference_unet", "face_locator", "temporal", "audio"},
    3: {"temporal", "speed"},
}


def encoded(stage, numbers, cached: bool = True) -> EncodedBatch:
    return stage.encode(RandomClips(stage.video, cached).batch(numbers))


def run(stage) -> None:
    train(stage, stage.config.train, make_accelerator(stage.config.train))


def everything(stage) -> dict[str, torch.Tensor]:
    """All tensors of a stage, those of the frozen encoders included."""
    frozen = {
        f"{part}.{name}": tensor
        for part in ("vae", "audio_encoder")
        for name, tensor in getattr(stage.pipe, part).state_dict().items()
    }
    return {**stage.networks.state_dict(), **frozen}


def moved(stage) -> set[str]:
    """Names of the tensors that change while the stage trains; without weight decay, which moves all it sees."""
    before = {name: tensor.clone() for name, tensor in everything(stage).items()}
    run(stage)
    return {name for name, tensor in everything(stage).items() if not torch.equal(tensor, before[name])}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_ten_steps_move_what_the_table_says_and_nothing_else(number, init, tmp_path):
    stage = make_stage(number, init, tmp_path, train__steps=10)
    parameters = {name for name, _ in stage.networks.named_parameters()}
    expected = {name for name in parameters if kind(name) in TABLE[number]}
    assert moved(stage) == expected - (BEHIND_THE_LAST_REFERENCE_MAP if number == 1 else set())


def test_with_the_spatial_set_frozen_stage_2_trains_the_new_layers(init, tmp_path):
    stage = make_stage(2, init, tmp_path, train__steps=2, freeze_spatial=True)
    assert {kind(name) for name in moved(stage)} == {"temporal", "audio"}


def test_new_and_old_layers_learn_at_different_rates(init):
    stage = make_stage(2, init, spatial_rate=0.25)
    names = {id(p): name for name, p in stage.networks.named_parameters()}
    new, old = stage.parameter_groups(1e-3)
    assert (new["lr"], old["lr"]) == (1e-3, 2.5e-4)
    assert {kind(names[id(p)]) for p in new["params"]} == {"temporal", "audio"}
    assert {kind(names[id(p)]) for p in old["params"]} == {"spatial", "reference_unet", "face_locator"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_trainable_parameter_has_a_gradient_with_all_conditions_dropped(number, init):
    stage = make_stage(number, init)
    for condition in vars(stage.config.drop):
        setattr(stage.config.drop, condition, 1.0)
    loss, _ = stage.loss(stage.networks, encoded(stage, [0, 1]))
    loss.backward()
    with_gradient = {name for name, p in stage.networks.named_parameters() if p.grad is not None}
    assert with_gradient == stage.trainable


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_result_is_a_pipeline_that_generates(number, init, tmp_path, portrait):
    stage = make_stage(number, init, tmp_path, train__steps=2, train__ema_decay=0.5)
    run(stage)
    pipe = EMOPipeline.from_pretrained(tmp_path / "model")
    pipe.set_progress_bar_config(disable=True)
    video = pipe(portrait, noise(0.4), num_inference_steps=2, speed=1.0 if number == 3 else None, output_type="np")
    assert video.frames.shape == (10, 64, 64, 3)
    trained, averaged = dict(stage.networks.state_dict()), EMONetworks.of(pipe).state_dict()
    assert {name for name in trained if not torch.equal(trained[name], averaged[name])} == stage.trainable


def test_a_stage_starts_from_the_one_before(init, tmp_path):
    first = make_stage(1, init, tmp_path / "1", train__steps=2)
    run(first)
    second = make_stage(2, tmp_path / "1" / "model", tmp_path / "2")
    before, after = first.networks.state_dict(), second.networks.state_dict()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []


def test_pictures_and_sound_are_encoded_as_in_generation(init):
    stage = make_stage(2, init)
    batch = RandomClips(video=True, cached=False).batch([3, 4])
    seen = stage.encode(batch)
    reference, latents = seen.reference_latents, seen.latents
    assert latents.shape == (2, MOTION_FRAMES + FRAMES, 4, 16, 16)
    picture = batch.frames[1, 2].permute(1, 2, 0).numpy()
    torch.testing.assert_close(latents[1, 2], stage.pipe.encode_picture(picture)[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(
        reference[1], stage.pipe.encode_picture(batch.reference[1].permute(1, 2, 0).numpy())[0], rtol=0, atol=1e-5
    )

    sound = batch.sound[1]
    stream = stage.pipe.stream(picture, (sound.waveform.numpy(), sound.sampling_rate), face_region="full")
    from emo.generation.audio_features import AudioFeatures

    features = AudioFeatures(
        stream.audio, stage.pipe.audio_encoder, stage.pipe.feature_extractor, stream.fps, stream.num_frames
    )
    with torch.no_grad():
        expected = features.windows(sound.start, sound.start + FRAMES, 2)
    torch.testing.assert_close(seen.audio[1], expected[0])


def test_the_first_frames_of_a_clip_are_the_motion_frames(init):
    stage = make_stage(2, init, motion_noise=0.0)
    batch = encoded(stage, [0, 1])
    draws = draw([0, 1], 0, (FRAMES, 4, 16, 16), MOTION_FRAMES, stage.drop_probabilities())
    assert torch.equal(stage.prepare_inputs(batch, draws)["motion_latents"], batch.latents[:, :MOTION_FRAMES])
    stage.config.motion_noise = 0.5
    noisy = stage.prepare_inputs(batch, draws)["motion_latents"]
    level = 0.5 * draws.motion_level.view(2, 1, 1, 1, 1)
    torch.testing.assert_close(noisy, batch.latents[:, :MOTION_FRAMES] + level * draws.motion_noise)

    seen = {}
    target = lambda **inputs: seen.update(inputs) or inputs["sample"]
    stage.loss(target, batch)
    timestep, noises = seen["timestep"], draws.noise
    expected = stage.pipe.scheduler.add_noise(batch.latents[:, MOTION_FRAMES:], noises, timestep)
    torch.testing.assert_close(seen["sample"], expected)


def test_several_targets_cost_one_reference_and_count_alike(init):
    stage = make_stage(1, init, targets=3)
    single, batch = encoded(stage, [0, 1]), encoded(stage, range(2, 8))
    latents = batch.latents.view(2, 3, *batch.latents.shape[2:])
    mouth, eyes = batch.mouth.view(2, 3, 3), batch.eyes.view(2, 3, 2, 3)
    together = replace(single, latents=latents, mouth=mouth, eyes=eyes)
    seen = []
    stage.networks.reference_unet.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    loss, _ = stage.loss(stage.networks, together)
    assert seen == [2]

    draws = draw([0, 1], 0, latents.shape[1:], MOTION_FRAMES, stage.drop_probabilities(), per_frame_timesteps=True)
    losses = []
    for k in range(3):
        timestep = stage.objective.timestep(draws.time[:, k])
        target, noises = latents[:, k : k + 1], draws.noise[:, k : k + 1]
        prediction = stage.networks(
            sample=stage.objective.noisy(target, noises, timestep),
            timestep=timestep,
            reference_latents=single.reference_latents,
            face_mask=single.face_mask,
            keep=draws.keep,
        )
        shown = Features(mouth[:, k : k + 1], eyes[:, k : k + 1], 64)
        losses.append(stage.objective.loss(prediction, target, noises, timestep, shown)[0])
    torch.testing.assert_close(loss, torch.stack(losses).mean())


def test_gradient_checkpointing_changes_no_gradient(init):
    gradients = []
    for checkpointing in (False, True):
        stage = make_stage(3, init, model__gradient_checkpointing=checkpointing)
        assert stage.networks.unet.gradient_checkpointing == checkpointing
        for parameter in stage.networks.parameters():
            parameter.requires_grad_(True)
        stage.loss(stage.networks.train(), encoded(stage, [0, 1]))[0].backward()
        gradients.append({name: p.grad for name, p in stage.networks.named_parameters()})
    assert all(gradient is not None for gradient in gradients[0].values())
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-5, atol=1e-7, msg=name)


@pytest.mark.parametrize("number", [1, 3])
def test_bf16_is_close_to_fp32(number, init):
    losses = []
    for precision in ("no", "bf16"):
        stage = make_stage(number, init, precision=precision)
        networks = _autocast(stage.networks) if precision == "bf16" else stage.networks
        losses.append(stage.loss(networks, encoded(stage, [0, 1], cached=False))[0].item())
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def _autocast(networks):
    def forward(**inputs):
        with torch.autocast("cpu", torch.bfloat16):
            return networks(**inputs)

    return forward


def test_lora_trains_adapters_only_and_is_saved_merged(init, tmp_path):
    stage = make_stage(2, init, tmp_path, train__steps=3, lora__rank=2, lora__alpha=4.0)
    names = moved(stage)
    assert names == stage.trainable
    assert all(".lora_" in name for name in names)
    assert {kind(name.split(".lora_")[0]) for name in names} == {"spatial", "reference_unet", "temporal", "audio"}

    pipe = EMOPipeline.from_pretrained(tmp_path / "model")
    merged, plain = EMONetworks.of(pipe), EMONetworks.of(EMOPipeline.from_pretrained(init))
    start = plain.state_dict()
    assert {kind(name) for name, tensor in merged.state_dict().items() if not torch.equal(tensor, start[name])} == {
        "spatial",
        "reference_unet",
        "temporal",
        "audio",
    }
    batch = encoded(stage, [7, 8])
    with torch.no_grad():
        expected, found = stage.loss(stage.networks, batch)[0], stage.loss(merged, batch)[0]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
        assert abs(stage.loss(plain, batch)[0] - expected) > 1e-4


def test_merging_leaves_plain_weights_alone():
    weights = {"a.weight": torch.ones(2), "b.bias": torch.ones(2)}
    assert merge_lora(weights, 2.0) == weights


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model__config": "emo-tiny"}, "model.init brings all weights"),
        ({"model__init": None}, "model.init or model.config"),
        ({"model__init": None, "model__config": "emo-tiny"}, "model.vae and model.audio_encoder are not set"),
        ({"model__init": None, "model__config": "emo-sd15", "model__sd15": "x"}, "go together"),
        ({"model__attention_backend": "sorcery"}, "model.attention_backend=sorcery"),
        ({"objective__prediction_type": "epsilon"}, "epsilon says nothing"),
        ({"objective__prediction_type": "flow"}, "objective.prediction_type is flow"),
        ({"data__size": 68}, "data.size is 68; these networks need a multiple of 8"),
        ({"model__vae": "/nowhere"}, "/nowhere: no autoencoder"),
    ],
)
def test_options_that_cannot_be_used(init, options, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        make_stage(1, init, **options)


def test_from_scratch_around_trained_encoders(init, tmp_path):
    encoders = {"model__vae": str(init / "vae"), "model__audio_encoder": str(tmp_path)}
    pipe = EMOPipeline.from_pretrained(init)
    pipe.audio_encoder.save_pretrained(tmp_path)
    pipe.feature_extractor.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="latent channels"):
        make_stage(1, None, model__init=None, model__config="emo-tiny", **encoders)
    stage = make_stage(1, init, **encoders)
    assert stage.pipe.unet.config.block_out_channels == [8, 16]


def test_attention_backends_agree(init, attention_backend):
    losses = []
    for backend in (None, "_native_math"):
        stage = make_stage(3, init, model__attention_backend=backend)
        losses.append(stage.loss(stage.networks, encoded(stage, [0, 1]))[0].item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
