"""Whether stages 1 and 2 can learn at all: one synthetic clip by heart, at the small model's size.

    python benchmarks/overfit.py            # about an hour on one core; goes on where it was stopped

Autoencoder and both stages train on one clip of 2.4 s; then the clip is generated from its first frame and its sound,
clip after clip from noise. Printed: PSNR against the training clip, beside that of the first frame held still and of
the autoencoder alone; and how the mouth goes with the clip's labels, with its own sound and with another clip's. The
contact sheet shows the truth above what was generated.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from emo import EMOPipeline
from emo.data.format import load_labels
from emo.face import Crop, Portrait, track_face
from emo.media import AudioTrack, VideoReader, contact_sheet
from emo.metrics import mouth_opening

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 2.4  # 60 frames: five clips of 12


def run(*command: object) -> None:
    print("$", *command, flush=True)
    subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True)


def train(out: Path, name: str, script: str, *options: str) -> None:
    """One run of a training script, unless it has finished before."""
    config, folder = ROOT / "configs/train/emo-tiny" / f"{name}.yaml", out / name
    if not (folder / "done").exists():
        common = (f"train.output={folder}", "--resume", "latest", "train.tensorboard=false", "train.log_every=50")
        run(ROOT / "train" / f"{script}.py", "--config", config, *common, "train.validate_every=0", *options)
        (folder / "done").touch()


def prepare(out: Path, options: argparse.Namespace) -> None:
    """Data and training."""
    for name, seed in (("clip", 11), ("other", 12)):
        size = ("--identities", 1, "--hours", SECONDS / 3600, "--seconds", SECONDS, "--test-share", 0)
        run("-m", "emo", "synthesize", "--out", out / name, "--seed", seed, *size)
    data = f"data.root={out / 'clip'}"
    train(out, "autoencoder", "autoencoder", data, f"train.steps={options.codec_steps}", "data.split=train")
    train(out, "audio_encoder", "audio_encoder", f"train.steps={options.audio_steps}")
    encoders = [
        f"model.{kind}={out / name / 'model'}" for kind, name in (("vae", "autoencoder"), ("audio_encoder",) * 2)
    ]
    train(
        *(out, "stage1", "stage1_image", data, *encoders, f"train.steps={options.steps1}", "data.cache=false"),
        *("data.batch_size=8", "train.optimizer.warmup_steps=50"),
    )
    run("-m", "emo", "cache", out / "clip", "--model", out / "stage1/model")
    init = f"model.init={out / 'stage1/model'}"
    train(out, "stage2", "stage2_video", data, init, f"train.steps={options.steps2}", "data.batch_size=2")


def generate(pipe: EMOPipeline, frame: np.ndarray, mask: np.ndarray, sound: AudioTrack) -> np.ndarray:
    """The video (T, H, W, 3) uint8 of a training clip's frame, taken whole: no crop around its face."""
    crop = Crop.center(frame.shape[:2], height=frame.shape[0], width=frame.shape[1])
    portrait = Portrait(image=frame, mask=mask, crop=crop, face=None, picture=frame)
    with patch("emo.pipelines.pipeline_emo.open_portrait", return_value=portrait):
        generator = torch.Generator().manual_seed(0)
        return pipe(frame, sound, num_inference_steps=25, generator=generator, output_type="uint8").frames


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Of uint8 frames, all together, in dB."""
    return float(10 * np.log10(255**2 / max(np.mean((a.astype(np.float64) - b) ** 2), 1e-9)))


def report(out: Path) -> None:
    from emo.face import union_mask

    path = out / "clip/train/000000.mp4"
    with VideoReader(path) as video:
        truth = video.read(range(len(video)))
    labels = load_labels(path.with_suffix(".safetensors"), len(truth))
    mask = union_mask(labels["face_box"], *truth.shape[1:3])
    pipe = EMOPipeline.from_pretrained(out / "stage2/model")
    pictures = torch.from_numpy(truth).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        decoded = pipe.vae.decode(pipe.vae.encode(pictures).latent_dist.mode()).sample
    codec = ((decoded.permute(0, 2, 3, 1).clamp(-1, 1) + 1) * 127.5).round().byte().numpy()
    with AudioTrack.open(path) as sound, AudioTrack.open(out / "other/train/000000.mp4") as other:
        own, foreign = (generate(pipe, truth[0], mask, track) for track in (sound, other))
    still = np.broadcast_to(truth[:1], truth.shape)
    print("\n| video | PSNR, dB | mouth opening against the clip's labels, r |\n|---|---|---|")
    for name, frames in (
        ("the clip itself", truth), ("autoencoder alone", codec), ("generated", own), ("first frame held", still),
        ("generated with another clip's sound", foreign),
    ):  # fmt: skip
        opening = mouth_opening(track_face(frames).landmarks)
        r = np.corrcoef(opening, labels["mouth_open"])[0, 1] if opening.std() > 1e-4 else 0.0
        print(f"| {name} | {min(psnr(frames, truth), 99):.1f} | {r:.2f} |")
    shown = range(0, len(truth), 5)
    rows = [frames[i] for frames in (truth, own, foreign) for i in shown]
    contact_sheet(rows, columns=len(shown)).save(out / "frames.png")
    print(f"\n{out / 'frames.png'}: truth, generated, generated with another clip's sound")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "out/overfit")
    for name, steps in (("codec", 1500), ("audio", 400)):
        parser.add_argument(f"--{name}-steps", type=int, default=steps)
    for stage, steps in ((1, 800), (2, 2000)):
        parser.add_argument(f"--steps{stage}", type=int, default=steps)
    parser.add_argument("--report-only", action="store_true", help="generate and measure with what is trained")
    options = parser.parse_args()
    options.out = options.out.resolve()
    if not options.report_only:
        prepare(options.out, options)
    report(options.out)


if __name__ == "__main__":
    main()
