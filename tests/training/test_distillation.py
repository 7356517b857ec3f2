"""Stage 4: what the teacher says, what the student learns of it, and that its folder is fast without being asked."""

import json
import re

import pytest
import torch
from diffusers import EulerDiscreteScheduler
from random_clips import RandomClips, make_stage, saved_pipeline
from tiny import noise, tiny_pipeline

from emo.bounds import check
from emo.errors import ConfigError
from emo.generation.sampling import ask_steps, count_steps, sample, taken_timesteps
from emo.pipelines import EMOPipeline
from emo.pipelines.emo_conditions import batch_conditions
from emo.training.emo_distillation import DistillationConfig
from emo.training.emo_distillation.stage import latents_psnr
from emo.training.loop import make_accelerator, train
from emo.unets import KeyValue

SHORT = {"distillation__steps": 2, "distillation__teacher_steps": 4}
SCALE = 12.0  # networks of random weights hardly hear


def distilled(init, *output, **options):
    given = {"distillation__audio_guidance": [1.0, SCALE], "distillation__audio_guidance_scale": SCALE, **SHORT}
    return make_stage(4, init, *output, **{**given, **options})


def run(stage, resume=None) -> None:
    train(stage, stage.config.train, make_accelerator(stage.config.train), resume)


def encoded(stage, numbers):
    return stage.encode(RandomClips(video=True).batch(numbers))


def tensors(stage) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in stage.networks.state_dict().items()}


@torch.no_grad()
def test_the_student_begins_as_its_teacher_and_hears_nothing(init):
    stage = distilled(init)
    batch = encoded(stage, [0, 1])
    inputs = stage._inputs(batch, stage.draws(batch))
    latents, timestep = torch.randn(2, 4, 4, 16, 16), torch.tensor(500)
    expected = stage.teacher.guided(stage.networks.conditions(stage.teacher.unet, **inputs), {}, latents, timestep)
    for weight in (1.0, SCALE):
        guidance = torch.full((2, 1), weight)
        found = stage.networks(sample=latents, timestep=timestep.expand(2), guidance=guidance, **inputs)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_teacher_is_guided_as_generation_is(init):
    """Each sample by its own weights."""
    stage = distilled(init, distillation__reference_guidance=[1.0, 2.0], drop__reference=0.0, drop__audio=0.0)
    batch = encoded(stage, [0, 1])
    inputs = stage._inputs(batch, stage.draws(batch))
    conditions = stage.networks.conditions(stage.teacher.unet, **inputs)
    latents, timestep = torch.randn(2, 4, 4, 16, 16), torch.tensor(500)
    weights = {"audio": torch.tensor([3.0, 1.0]), "reference": torch.tensor([1.5, 2.0])}
    found = stage.teacher.guided(conditions, weights, latents, timestep)
    for row in (0, 1):
        one = lambda tensor, row=row: tensor[row : row + 1]
        rows = batch_conditions(
            conditions["reference"].map(lambda kv, row=row: KeyValue(kv.key[row : row + 1], kv.value[row : row + 1])),
            conditions["motion"].map(one),
            *(one(conditions[name]) for name in ("audio", "face_mask_features", "speed")),
            {name: weight[row].item() for name, weight in weights.items()},
        )
        expected = rows.predict(stage.teacher.unet, one(latents), timestep)
        torch.testing.assert_close(one(found), expected, rtol=0, atol=1e-4)


@torch.no_grad()
def test_the_student_goes_the_way_of_generation(init):
    """Its steps are those of the sampler that it is saved with, over the share of the schedule that the model uses."""
    stage = distilled(init, objective__strength=0.6)
    assert ask_steps(2, 0.6) == stage.asked == 3
    assert count_steps(stage.pipe.scheduler, stage.asked, 0.6) == 2
    assert stage.teacher.timesteps[::2] == taken_timesteps(stage.pipe.scheduler, 3, 0.6)
    seen = []
    batch = encoded(stage, [0, 1])
    stage.loss(lambda **inputs: seen.append(inputs) or inputs["sample"], batch)
    draws = stage.draws(batch)
    assert [inputs["timestep"].tolist() for inputs in seen] == [[t, t] for t in stage.teacher.timesteps[::2]]
    first = []
    keep = lambda latents, timestep: first.append(latents) or latents
    prior = batch.reference_latents[:, None]
    sample(stage.pipe.scheduler, keep, draws.noise, 3, prior=prior, strength=0.6)
    for inputs, latents in zip(seen, first, strict=True):
        torch.testing.assert_close(inputs["sample"], latents)


@torch.no_grad()
def test_a_perfect_student_has_no_loss(init):
    """It is taught where the teacher has got to, from the same noise; and of guidance what the teacher says there."""
    stage = distilled(init, distillation__teacher_steps=2)
    batch = encoded(stage, [0, 1])
    teacher, weights = stage.teacher, []
    follow = teacher.trajectory
    teacher.trajectory = lambda conditions, guidance, *rest: (
        weights.append((conditions, guidance)) or follow(conditions, guidance, *rest)
    )
    said = []

    def perfect(sample, timestep, guidance, **inputs):
        conditions, by_name = weights[-1]
        assert torch.equal(guidance[:, 0], by_name["audio"])
        assert ((guidance >= 1) & (guidance <= SCALE)).all()
        said.append(guidance)
        rows = [teacher.guided(conditions, by_name, sample, t)[i] for i, t in enumerate(timestep)]
        return torch.stack(rows)

    for alone in (False, True):
        loss, scalars = stage.loss(perfect, batch, guidance_alone=alone)
        assert max(loss, scalars["squared_error"]) < 1e-8
    assert said[0][0] != said[0][1]
    zero = lambda **inputs: torch.zeros_like(inputs["sample"])
    assert all(stage.loss(zero, batch, guidance_alone=alone)[0] > 1e-3 for alone in (False, True))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_backbone_alone_trains(init, tmp_path, share):
    stage = distilled(init, tmp_path, train__steps=3, distillation__guidance_share=share)
    before, teacher = tensors(stage), {n: t.clone() for n, t in stage.teacher.unet.state_dict().items()}
    run(stage)
    moved = {name for name, tensor in tensors(stage).items() if not torch.equal(tensor, before[name])}
    parameters = {name for name, _ in stage.networks.named_parameters()}
    assert moved == {name for name in parameters if name.startswith("unet.")} == stage.trainable
    assert {name for name, t in stage.teacher.unet.state_dict().items() if not torch.equal(t, teacher[name])} == set()


def test_guidance_comes_first(init, tmp_path, monkeypatch):
    stage = distilled(init, tmp_path, train__steps=4, distillation__guidance_share=0.5)
    phases, loss = [], stage.loss
    monkeypatch.setattr(stage, "loss", lambda *args, **kw: phases.append(kw["guidance_alone"]) or loss(*args, **kw))
    run(stage)
    assert phases == [True, True, False, False]


def test_resumed_is_as_never_stopped(init, tmp_path):
    results = []
    for name, slices in (("whole", [None]), ("sliced", [1e-9, None])):
        for limit in slices:
            stage = distilled(init, tmp_path / name, train__steps=3, distillation__guidance_share=0.5)
            stage.config.train.stop_after_seconds = limit
            run(stage, "latest")
        results.append(tensors(stage))
    assert [name for name in results[0] if not torch.equal(results[0][name], results[1][name])] == []


@pytest.mark.slow
@torch.no_grad()
def test_the_student_comes_nearer_than_its_teacher_in_as_few_steps(init, tmp_path):
    stage = distilled(init, tmp_path, train__steps=100, train__ema_decay=0.9, optimizer__learning_rate=2e-3)
    with torch.enable_grad():
        run(stage)
    drawn = stage.drawn(stage.networks, encoded(stage, range(1000, 1004)))
    psnr, unguided = (latents_psnr(drawn[name], drawn["teacher"]) for name in ("student", "unguided"))
    assert (psnr > unguided + 3).all(), (psnr, unguided)


@torch.no_grad()
def test_its_folder_is_fast_without_being_asked(init, tmp_path, portrait, monkeypatch):
    stage = distilled(init, tmp_path, train__steps=2, train__ema_decay=0.5)
    with torch.enable_grad():
        run(stage)
    pipe = EMOPipeline.from_pretrained(tmp_path / "model")
    pipe.set_progress_bar_config(disable=True)
    calls, forward = [], pipe.unet.forward
    monkeypatch.setattr(pipe.unet, "forward", lambda *args, **kw: calls.append((args[0], kw)) or forward(*args, **kw))
    stream = pipe.stream(portrait, noise(0.16))
    assert (stream.options.num_inference_steps, stream.options.audio_guidance_scale) == (2, SCALE)
    assert stream.origin["options"]["num_inference_steps"] == 2
    assert len(list(stream)) == 1
    assert [len(latents) for latents, _ in calls] == [1, 1]
    assert [given["guidance"].tolist() for _, given in calls] == [[[SCALE]]] * 2
    calls.clear()
    list(pipe.stream(portrait, noise(0.16), num_inference_steps=1, audio_guidance_scale=3, reference_guidance_scale=2))
    assert [given["guidance"].tolist() for _, given in calls] == [[[3.0], [3.0]]]


def test_a_distilled_folder_can_teach(init, tmp_path):
    """Of fewer steps still; a student goes on hearing what its teacher heard."""
    first = distilled(init, tmp_path, train__steps=2)
    run(first)
    second = distilled(tmp_path / "model", distillation__steps=1, distillation__teacher_steps=2)
    assert [name for name, t in tensors(first).items() if not torch.equal(t, second.networks.state_dict()[name])] == []
    calls, forward = [], second.teacher.unet.forward
    second.teacher.unet.forward = lambda *args, **kw: calls.append(kw["guidance"]) or forward(*args, **kw)
    second.loss(second.networks, encoded(second, [0, 1]))
    assert len(calls) == 2
    assert (calls[0] > 1).all()


def test_samplers_that_do_not_pass_the_student_s_steps_are_refused(tmp_path):
    pipe = tiny_pipeline()
    pipe.register_modules(scheduler=EulerDiscreteScheduler.from_config(pipe.scheduler.config))
    pipe.save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="EulerDiscreteScheduler does not pass"):
        distilled(tmp_path)


def test_a_teacher_whose_steps_are_rounded_otherwise_is_taken(tmp_path):
    """Of a strength of 0.65, four steps fall on 324 and twelve on 325."""
    pipe = tiny_pipeline()
    pipe.unet.register_to_config(strength=0.65)
    pipe.save_pretrained(tmp_path)
    stage = distilled(tmp_path, distillation__steps=4, distillation__teacher_steps=12)
    assert len(stage.teacher.timesteps) == 12


@pytest.mark.parametrize(
    ("section", "name", "value", "message"),
    [
        ("distillation", "teacher_steps", 6, "distillation.teacher_steps=6 is no multiple of steps=4"),
        ("distillation", "audio_guidance", [3.0, 1.0], "distillation.audio_guidance: the least, 3, is more"),
        ("distillation", "audio_guidance", [1.0], "distillation.audio_guidance is [1.0]; it must be"),
        ("distillation", "audio_guidance_scale", 5.0, "distillation.audio_guidance_scale=5 is outside"),
        ("distillation", "steps", 0, "distillation.steps is 0; it must be"),
        ("distillation", "method", "adversarial", "distillation.method is adversarial; it must be trajectory,"),
        ("distillation", "method", "progressive", "distillation.method=progressive halves steps: with steps=4"),
        ("distillation", "guidance_share", 2.0, "distillation.guidance_share is 2.0; it must be"),
        ("objective", "prediction_type", "sample", "objective.prediction_type is for stages 1 to 3"),
        ("objective", "timestep_spacing", "leading", "objective.timestep_spacing is for stages 1 to 3"),
        ("objective", "min_snr_gamma", 5.0, "objective.min_snr_gamma is for stages 1 to 3"),
    ],
)
def test_what_does_not_go_together_is_said(section, name, value, message):
    config = DistillationConfig()
    config.data.root, config.train.output, config.train.steps = "data", "out", 1
    check(config)
    setattr(getattr(config, section), name, value)
    with pytest.raises(ConfigError, match=re.escape(message)):
        check(config)


def test_psnr_has_the_range_for_its_peak():
    expected = torch.tensor([0.0, 4.0]).view(1, 2, 1, 1, 1)
    assert latents_psnr(expected + 0.4, expected).item() == pytest.approx(20)


def test_the_steps_to_ask_for():
    for strength in (1.0, 0.8, 0.6, 0.5, 0.3):
        for steps in range(1, 20):
            assert round(ask_steps(steps, strength) * strength) == steps


def test_older_folders_hear_nothing_and_take_the_paper_s_steps(tmp_path, portrait):
    path = saved_pipeline(tmp_path / "old") / "unet" / "config.json"
    new = {"guidance_embeds", "num_inference_steps", "audio_guidance_scale", "reference_guidance_scale"}
    config = json.loads(path.read_text())
    assert new <= config.keys()
    path.write_text(json.dumps({key: value for key, value in config.items() if key not in new}))
    pipe = EMOPipeline.from_pretrained(tmp_path / "old")
    assert pipe.unet.guidance_embedding is None
    options = pipe.stream(portrait, noise(0.16)).options
    taken = options.num_inference_steps, options.audio_guidance_scale, options.reference_guidance_scale
    assert taken == (40, 1.5, 1.0)
