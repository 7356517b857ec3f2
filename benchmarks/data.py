"""What synthetic data and the loader are claimed to do, measured.

    python benchmarks/data.py clips       # 200 clips x 3 s at 128 px by `emo synthesize`: time, frames/s, bytes
    python benchmarks/data.py speech      # jaw against loudness over 50 clips by lag; vowels told apart by the lips
    python benchmarks/data.py people      # 1,000 identity seeds: is anybody's nearest neighbor the same person?
    python benchmarks/data.py loader      # samples/s with and without cache, by 1 and 2 workers

Each prints a Markdown table. `clips` leaves its dataset in --out, which `loader` reads.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch


def clips(options: argparse.Namespace) -> None:
    hours = 200 * 3 / 3600
    command = [sys.executable, "-m", "emo", "synthesize", "--out", str(options.out), "--identities", "100"]
    started = time.perf_counter()
    subprocess.run([*command, "--hours", str(hours), "--seconds", "3", "--seed", "7"], check=True)
    seconds = time.perf_counter() - started
    files = [path for path in options.out.rglob("*") if path.suffix in (".mp4", ".safetensors")]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    print(f"\n| clips | frames | wall s | frames/s | MB |\n|---|---|---|---|---|\n| 200 | {200 * 75} ", end="")
    print(f"| {seconds:.0f} | {200 * 75 / seconds:.0f} | {megabytes:.1f} |")


def speech(options: argparse.Namespace) -> None:
    from emo.data.synthetic.articulation import articulate_speech
    from emo.data.synthetic.phones import VOWELS
    from emo.data.synthetic.speech import synthesize
    from emo.metrics import mouth_sound_correlation

    lags, at_zero = [], []
    table = {symbol: np.array([vowel.width, vowel.rounding]) for symbol, vowel in VOWELS.items()}
    confusion = {said: dict.fromkeys(VOWELS, 0) for said in VOWELS}
    for seed in range(50):
        said = synthesize(seed, 5.0)
        mouth = articulate_speech(said)
        result = mouth_sound_correlation(mouth.jaw.numpy(), said.waveform, 25, max_lag=10)
        lags.append(result.best_lag)
        at_zero.append(result.correlation)
        for segment in said.segments:
            if segment.phone in VOWELS and segment.end - segment.start > 0.1:
                frame = int((segment.start + segment.end) / 2 * 25)
                seen = np.array([mouth.width[frame], mouth.rounding[frame]])
                nearest = min(table, key=lambda symbol, seen=seen: float(np.linalg.norm(table[symbol] - seen)))
                confusion[segment.phone][nearest] += 1
    print(f"jaw against loudness, 50 clips of 5 s: peak at lags {sorted(set(lags))} frames, r {np.mean(at_zero):.3f}")
    right = sum(confusion[v][v] for v in VOWELS) / sum(sum(row.values()) for row in confusion.values())
    print(f"\nVowels by lip width and rounding, {100 * right:.0f} % right:\n")
    print("| said | " + " | ".join(VOWELS) + " |\n" + "|---" * (len(VOWELS) + 1) + "|")
    for said, row in confusion.items():
        print(f"| {said} | " + " | ".join(str(row[v]) for v in VOWELS) + " |")


def people(options: argparse.Namespace) -> None:
    from emo.data.synthetic.avatar import AvatarRenderer
    from emo.data.synthetic.identity import draw_identities
    from emo.face import FaceDetector
    from emo.metrics import identity_descriptor
    from emo.motion.controls import FaceControls

    count, rng = options.people, np.random.default_rng(0)
    renderer = AvatarRenderer(128, compile=True)
    draw = lambda low, high: torch.tensor(rng.uniform(low, high, count), dtype=torch.float32)
    rest = FaceControls.rest(count)
    moved = FaceControls(**{**vars(rest), "yaw": draw(-12, 12), "pitch": draw(-8, 8), "jaw": draw(0, 0.8)})
    crowd, descriptors = draw_identities(range(count)), []
    with FaceDetector() as detector:
        for motion in (rest, moved):
            frames = renderer.render(crowd, motion).numpy()
            faces = [detector.detect(frame) for frame in frames]
            print(f"faces found: {sum(bool(found) for found in faces)} of {count}")
            assert all(faces)
            descriptors.append(
                np.stack([identity_descriptor(f, found[0].landmarks) for f, found in zip(frames, faces, strict=True)])
            )
    still, turned = (d / np.linalg.norm(d, axis=1, keepdims=True) for d in descriptors)
    between = 1 - still @ still.T
    np.fill_diagonal(between, np.inf)
    across = 1 - turned @ still.T
    own = np.diagonal(across)
    print("\n| distance | 1 % | median | 99 % |\n|---|---|---|---|")
    for name, values in (("same person, turned and speaking", own), ("nearest other person", between.min(1))):
        print(f"| {name} | " + " | ".join(f"{np.percentile(values, q):.4f}" for q in (1, 50, 99)) + " |")
    right = 100 * np.mean(across.argmin(1) == np.arange(count))
    print(f"\nnearest of {count} to a turned, speaking picture is its own: {right:.1f} %")


def loader(options: argparse.Namespace) -> None:
    from torch.utils.data import DataLoader

    from emo.data import build_cache, cache_path, emo_features
    from emo.data.batch import Batch
    from emo.data.dataset import ClipDataset
    from emo.data.sampler import StepSampler
    from emo.hub import build_pipeline, load_model_config

    pipe = build_pipeline(load_model_config("emo-tiny"))
    features = emo_features(pipe.vae, pipe.audio_encoder, pipe.feature_extractor)
    for _ in build_cache(options.out, features, 128):
        pass
    cache = cache_path(options.out, features, 128)
    print("| samples | cache | workers | samples/s |\n|---|---|---|---|")
    for video in (False, True):
        for folder in (None, cache):
            for workers in (1, 2):
                dataset = ClipDataset(options.out, video=video, cache=folder)
                batches = iter(
                    DataLoader(
                        dataset, batch_sampler=StepSampler(8), collate_fn=Batch.collate, num_workers=workers,
                        worker_init_fn=lambda _: torch.set_num_threads(1),
                    )
                )  # fmt: skip
                next(batches)
                started, steps = time.perf_counter(), 40
                for _ in range(steps):
                    next(batches)
                rate = 8 * steps / (time.perf_counter() - started)
                kind = "video, 16 frames" if video else "picture pairs"
                print(f"| {kind} | {'yes' if folder else 'no'} | {workers} | {rate:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["clips", "speech", "people", "loader"])
    parser.add_argument("--out", type=Path, default=Path("out/bench-data"), help="the dataset's folder")
    parser.add_argument("--people", type=int, default=1000)
    options = parser.parse_args()
    {"clips": clips, "speech": speech, "people": people, "loader": loader}[options.what](options)


if __name__ == "__main__":
    main()
