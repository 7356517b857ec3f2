"""Stage 4's methods beside each other at toy size: how near a student draws to its teacher for the same work of it.

    OMP_NUM_THREADS=1 python benchmarks/distillation.py                              # all of it, one core
    OMP_NUM_THREADS=1 python benchmarks/distillation.py --method consistency --out out/distillation

Nothing is needed: samples are drawn, latents of 8 x 8 with a pattern for a person, a mouth that the sound opens, and a
head that sways as it likes. A teacher of the smoke model's size learns them first; it is kept in --out, where the next
call finds it. Then each method has the same number of the teacher's predictions a sample, a quarter of them for
guidance alone, as all methods begin; progressive distillation shares the rest evenly among its rounds. Distances are
those of samples that were not learned from, drawn from the same noise.
"""

import emo.entry  # noqa: F401

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import Dataset

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "train")]

from stage3_speed import SpeedConfig, SpeedStage  # noqa: E402

from emo.data.batch import Batch  # noqa: E402
from emo.hub import build_pipeline, load_model_config  # noqa: E402
from emo.training.config import LoopConfig, OptimizerConfig  # noqa: E402
from emo.training.emo.config import ClipConfig, ClipDataConfig, EMOStartConfig  # noqa: E402
from emo.training.emo_distillation import DistillationConfig, DistillationStage  # noqa: E402
from emo.training.emo_distillation.config import TeacherConfig  # noqa: E402
from emo.training.emo_distillation.methods import METHODS  # noqa: E402
from emo.training.emo_distillation.stage import latents_psnr  # noqa: E402
from emo.training.loop import make_accelerator, train  # noqa: E402

MODEL = load_model_config(str(ROOT / "configs/train/smoke/model.yaml"))
FRAMES, MOTION, CHANNELS, SIDE = MODEL.num_frames, MODEL.num_motion_frames, MODEL.vae.latent_channels, 8
SCALE = 2.0  # weight of guidance by the sound that is measured; told are 1 to 3
TEACHER_STEPS = 8
HELD_OUT = 10**6  # number of the first sample that is measured
ENDS = {"trajectory": lambda steps: TEACHER_STEPS, "consistency": lambda steps: steps}  # predictions a sample


class ToyClips(Dataset):
    """Sample g is drawn from g."""

    def __init__(self, layers: int, width: int):
        own = torch.Generator().manual_seed(0)
        self.heard = torch.randn(layers, width, generator=own)
        self.mouth = torch.randn(CHANNELS, 1, 1, generator=own)
        y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
        self.place = torch.exp(-((y - 5.0) ** 2 + (x - 3.5) ** 2) / 3)

    def opening(self, g: int) -> Tensor:
        """Of the mouth, of all frames and two more on both sides."""
        own = torch.Generator().manual_seed(g)
        return torch.sin(torch.arange(MOTION + FRAMES + 4) * (0.5 + torch.rand(1, generator=own)) + 6 * own_rand(own))

    def __getitem__(self, g: int) -> Batch:
        own = torch.Generator().manual_seed(g + 7)
        count = MOTION + FRAMES
        person = 0.8 * interpolate(torch.randn(1, CHANNELS, 4, 4, generator=own), (SIDE, SIDE), mode="bilinear")[0]
        opening = self.opening(g)
        sway = (0.3 * torch.randn(count, generator=own)).cumsum(0).tanh()[:, None, None, None]
        moved = person.roll(1, dims=-1)
        frames = person + sway * (moved - person) + opening[2 : 2 + count, None, None, None] * self.mouth * self.place
        heard = opening.unfold(0, 5, 1)[MOTION : MOTION + FRAMES, :, None, None] * self.heard
        box = torch.zeros(1, 1, MODEL.image_size, MODEL.image_size)
        box[..., 8:56, 8:56] = 1
        return Batch(
            index=torch.tensor([g]),
            reference=None,
            frames=None,
            reference_latents=person[None],
            latents=frames[None],
            face_mask=box,
            mouth=torch.tensor([32.0, 40.0, 14.0]).expand(1, count, 3),
            eyes=torch.tensor([[24.0, 24.0, 16.0], [40.0, 24.0, 16.0]]).expand(1, count, 2, 3),
            speed=torch.zeros(1, FRAMES, 5),
            audio=heard[None] + 0.3 * torch.randn(heard[None].shape, generator=own),
            sound=None,
            clips=(str(g),),
        )


def own_rand(generator: torch.Generator) -> Tensor:
    return torch.rand(1, generator=generator)


class WholeStage(SpeedStage):
    """All networks at once, from nothing."""

    def trains(self, name: str) -> bool:
        return True


@dataclass
class Found:
    """A student's figures."""

    psnr: float
    squared: float
    follows: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", action="append", choices=list(METHODS), help="several may be given (default: all)")
    parser.add_argument("--steps", action="append", type=int, choices=(4, 2, 1), help="the same (default: 4, 2, 1)")
    parser.add_argument("--passes", type=int, default=960, help="predictions of the teacher a sample of a batch")
    parser.add_argument("--teacher", type=int, default=600, help="steps of its training")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder that keeps the teacher (default: none is kept)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        teacher = out / "teacher" / "model"
        if not teacher.is_dir():
            teach(teacher.parent, options)
        print("| method | steps | updates | PSNR, dB | squared error | mouth with the sound, r | CPU-s |", flush=True)
        print("|---|---|---|---|---|---|---|", flush=True)
        measured = Measured(stage_of("trajectory", 4, TEACHER_STEPS, teacher, options))
        for steps in options.steps or (4, 2, 1):
            print(f"| the teacher, guided | {TEACHER_STEPS} | | | 0 | {measured.of_teacher():.2f} | |")
            start = stage_of("trajectory", steps, TEACHER_STEPS, teacher, options)
            print(row("untaught, without guidance", steps, "", measured.of(start, "unguided", 0.0)), flush=True)
            for method in options.method or METHODS:
                stage, updates, seconds = distill(method, steps, teacher, options)
                print(row(method, steps, updates, measured.of(stage, "student", seconds)), flush=True)


def row(method: str, steps: int, updates: str, found: Found) -> str:
    figures = f"{found.psnr:.2f} | {found.squared:.4f} | {found.follows:.2f} | {found.seconds:.0f}"
    return f"| {method} | {steps} | {updates} | {figures} |"


class Measured:
    """Held-out samples, and what the teacher makes of them."""

    def __init__(self, stage: DistillationStage):
        self.clips = stage.dataset()
        numbers = range(HELD_OUT, HELD_OUT + 64)
        self.batch = stage.encode(Batch.collate([self.clips[g] for g in numbers]))
        self.opening = torch.stack([self.clips.opening(g)[2 + MOTION : 2 + MOTION + FRAMES] for g in numbers])
        self.expected = stage.drawn(stage.networks, self.batch)["teacher"]

    def of_teacher(self) -> float:
        return self._follows(self.expected)

    def of(self, stage: DistillationStage, who: str, seconds: float) -> Found:
        """Of a student, or of its teacher in its steps."""
        drawn = stage.drawn(stage.networks, self.batch)[who]
        psnr, squared = latents_psnr(drawn, self.expected).mean(), (drawn - self.expected).square().mean()
        return Found(psnr.item(), squared.item(), self._follows(drawn), seconds)

    def _follows(self, latents: Tensor) -> float:
        """Pearson's r of the mouth's opening with the sound's, over all frames."""
        kernel = self.clips.mouth * self.clips.place
        changed = latents - self.batch.reference_latents[:, None]
        found = (changed * kernel).sum(dim=(-3, -2, -1)) / kernel.square().sum()
        return torch.corrcoef(torch.stack([found.flatten(), self.opening.flatten()]))[0, 1].item()


def teach(folder: Path, options: argparse.Namespace) -> None:
    """The teacher, into `folder`/model."""
    with tempfile.TemporaryDirectory() as start:
        build_pipeline(MODEL).save_pretrained(start)
        config = SpeedConfig(**sections(Path(start), folder, options.teacher, options), motion_noise=0.1)
        began = time.process_time()
        stage = learn(WholeStage(config, make_accelerator(config.train)))
    del stage
    print(f"the teacher: {options.teacher} steps, {time.process_time() - began:.0f} CPU-s\n", flush=True)


def distill(
    method: str, steps: int, teacher: Path, options: argparse.Namespace
) -> tuple[DistillationStage, str, float]:
    """The last stage, how many updates each one took, and CPU-seconds."""
    began, guidance = time.process_time(), options.passes // 4 // TEACHER_STEPS
    rounds = [(steps, TEACHER_STEPS)]
    if method == "progressive":
        rounds = [(n, 2 * n) for n in (4, 2, 1) if n >= steps]
    updates = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (fewer, more) in enumerate(rounds):
            cost = 2 * fewer if method == "progressive" else ENDS[method](steps)
            own = 3 * options.passes // 4 // len(rounds) // cost
            alone = guidance if number == 0 else 0
            updates.append(alone + own)
            output = Path(folder) / str(number)
            stage = learn(stage_of(method, fewer, more, teacher, options, output, alone, own))
            teacher = output / "model"
    return stage, " + ".join(map(str, updates)), time.process_time() - began


def stage_of(
    method: str,
    steps: int,
    teacher_steps: int,
    teacher: Path,
    options: argparse.Namespace,
    output: Path = Path("unused"),
    alone: int = 0,
    updates: int = 1,
) -> DistillationStage:
    """Stage 4 with so many steps of guidance alone, and so many of the method."""
    distillation = TeacherConfig(
        method=method,
        steps=steps,
        teacher_steps=teacher_steps,
        audio_guidance=[1.0, 3.0],
        audio_guidance_scale=SCALE,
        guidance_share=alone / (alone + updates),
    )
    config = DistillationConfig(
        **sections(teacher, output, alone + updates, options), motion_noise=0.1, distillation=distillation
    )
    stage = DistillationStage(config, make_accelerator(config.train))
    stage.dataset = lambda split=None: toy_clips(stage)
    return stage


def sections(init: Path, output: Path, steps: int, options: argparse.Namespace) -> dict[str, object]:
    """What the configurations of both stages have in common."""
    optimizer = OptimizerConfig(learning_rate=options.rate, weight_decay=0.0, schedule="linear", warmup_steps=10)
    return {
        "data": ClipDataConfig(root="unused", batch_size=options.batch, workers=0),
        "model": EMOStartConfig(init=str(init)),
        "train": LoopConfig(
            output=str(output),
            steps=steps,
            seed=options.seed,
            save_every=0,
            tensorboard=False,
            mixed_precision="no",
            optimizer=optimizer,
        ),
    }


def toy_clips(stage: SpeedStage | DistillationStage) -> ToyClips:
    projection = stage.pipe.audio_projection.config
    return ToyClips(projection["num_layers"], projection["layer_dim"])


def learn(stage):
    """The stage, trained to its end."""
    config: ClipConfig = stage.config
    stage.dataset = lambda split=None: toy_clips(stage)
    train(stage, config.train, make_accelerator(config.train))
    return stage


if __name__ == "__main__":
    main()
