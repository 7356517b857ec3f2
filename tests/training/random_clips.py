"""Stages on the tests' tiny pipeline, over samples of random numbers: no videos are needed."""

from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import torch
from stage1_image import ImageConfig, ImageStage
from stage2_video import VideoConfig, VideoStage
from stage3_speed import SpeedConfig, SpeedStage
from tiny import FRAMES, MOTION_FRAMES, SIZE, tiny_pipeline
from torch.utils.data import Dataset

from emo.data.batch import Batch, Sound
from emo.training.config import LoopConfig, OptimizerConfig
from emo.training.emo.config import ClipDataConfig, EMOConfig, EMOStartConfig
from emo.training.emo.stage import EMOStage
from emo.training.emo_distillation import DistillationConfig, DistillationStage

STAGES = {
    1: (ImageStage, ImageConfig),
    2: (VideoStage, VideoConfig),
    3: (SpeedStage, SpeedConfig),
    4: (DistillationStage, DistillationConfig),
}
RATE, CLIP_FRAMES = 16000, 20


class RandomClips(Dataset):
    """Sample g is drawn from g. cached: latents and audio windows in place of pictures and sound."""

    def __init__(self, video: bool, cached: bool = True):
        self.video, self.cached = video, cached

    def __getitem__(self, g: int) -> Batch:
        generator = torch.Generator().manual_seed(g)
        rand = lambda *shape: torch.rand(1, *shape, generator=generator)
        frames = MOTION_FRAMES + FRAMES if self.video else 1
        size = SIZE // 4
        picture = lambda *shape: (rand(*shape, 3, SIZE, SIZE) * 255).to(torch.uint8)
        box = torch.zeros(1, 1, SIZE, SIZE)
        box[..., 10 + g % 7 : 50, 12:48] = 1
        sound = Sound(rand(RATE * CLIP_FRAMES // 25)[0] - 0.5, RATE, 25.0, CLIP_FRAMES, 5)
        return Batch(
            index=torch.tensor([g]),
            reference=None if self.cached else picture(),
            frames=None if self.cached else picture(frames),
            reference_latents=rand(4, size, size) * 2 - 1 if self.cached else None,
            latents=rand(frames, 4, size, size) * 2 - 1 if self.cached else None,
            face_mask=box,
            mouth=torch.tensor([32.0, 40.0, 14.0]).expand(1, frames, 3),
            eyes=torch.tensor([[24.0, 24.0, 16.0], [40.0, 24.0, 16.0]]).expand(1, frames, 2, 3),
            speed=rand(FRAMES, 5) * 2 if self.video else None,
            audio=rand(FRAMES, 5, 2, 32) if self.video and self.cached else None,
            sound=(sound,) if self.video and not self.cached else None,
            clips=(f"train/{g:06d}.mp4 from frame 0",),
        )

    def batch(self, numbers) -> Batch:
        return Batch.collate([self[g] for g in numbers])


def use_random_clips(stage_class: type = EMOStage, cached: bool = True) -> None:
    """Let stages load `RandomClips`."""
    stage_class.dataset = lambda self, split=None: RandomClips(self.video, cached)


def saved_pipeline(folder: Path) -> Path:
    """A folder of the tiny pipeline, whose layers are all filled."""
    tiny_pipeline().save_pretrained(folder)
    return folder


FOUND: dict[tuple[type, int], list[str]] = {}
parameters_with_gradients = EMOStage.parameters_with_gradients


def _parameters_with_gradients(stage: EMOStage) -> list[str]:
    """`EMOStage.parameters_with_gradients`, computed once for each stage and size of networks: it takes a second."""
    key = type(stage), sum(parameter.numel() for parameter in stage.networks.parameters())
    if key not in FOUND:
        FOUND[key] = parameters_with_gradients(stage)
    return FOUND[key]


def make_stage(number: int, init: Path, output: Path = Path("unused"), *, precision: str = "no", **options):
    """A stage over random clips. options: of the stage's configuration, or of its parts by `part__key`."""
    stage_class, config_class = STAGES[number]
    parts = {"data": {"root": "unused", "batch_size": 2, "workers": 0}, "model": {"init": str(init)}}
    parts["train"] = {"output": str(output), "steps": 3, "log_every": 1, "tensorboard": False}
    parts["optimizer"] = {"learning_rate": 1e-3, "weight_decay": 0.0}
    whole = {}
    for key, value in options.items():
        part, _, name = key.rpartition("__")
        (parts.setdefault(part, {}) if part else whole)[name] = value
    train = LoopConfig(optimizer=OptimizerConfig(**parts.pop("optimizer")), **parts.pop("train"))
    config: EMOConfig = config_class(
        data=ClipDataConfig(**parts.pop("data")), model=EMOStartConfig(**parts.pop("model")), train=train, **whole
    )
    for part, values in parts.items():
        for name, value in values.items():
            assert hasattr(getattr(config, part), name), (part, name)
            setattr(getattr(config, part), name, value)
    machine = SimpleNamespace(device=torch.device("cpu"), mixed_precision=precision)  # all of it that stages look at
    with patch.object(EMOStage, "parameters_with_gradients", _parameters_with_gradients):
        stage = stage_class(config, machine)
    stage.dataset = lambda split=None: RandomClips(stage.video)
    return stage
