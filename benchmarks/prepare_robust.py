"""Whether `emo prepare` survives being killed, and files of every kind.

python benchmarks/prepare.py filters       # makes the videos in out/bench-prepare/composed
python benchmarks/prepare_robust.py kill   # SIGKILL at five moments: is the dataset the uninterrupted one's?
python benchmarks/prepare_robust.py fuzz --files 200  # broken and odd files: is every one in the report?
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import time
import warnings
from pathlib import Path

from prepare import prepare

KINDS = (".jsonl", ".safetensors", ".json")
SMALL = [f"--set={value}" for value in ("size=96", "min_seconds=1", "max_seconds=3", "filters.min_face=60")]


def content(root: Path) -> dict[str, bytes]:
    """Metadata and labels of a dataset, and its report."""
    paths = [
        p for p in root.rglob("*") if ".prepare" not in p.parts and p.suffix in (".jsonl", ".safetensors", ".json")
    ]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def kill(options: argparse.Namespace) -> None:
    folder = options.out / "small"
    folder.mkdir(parents=True, exist_ok=True)
    sources = sorted((options.out / "composed").glob("*.mp4"))[: options.files]
    inputs = [folder / path.name for path in sources]
    for source, path in zip(sources, inputs, strict=True):
        encode(path, source, "-t", "4", "-vf", "scale=320:240")
    settings = [*SMALL, f"--workers={options.workers}"]
    whole = options.out / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    started = time.perf_counter()
    assert prepare(inputs, whole, *settings, stderr=subprocess.DEVNULL).wait() == 0
    seconds = time.perf_counter() - started
    expected, rng = content(whole), random.Random(5)
    for moment in range(5):
        out = options.out / f"killed-{moment}"
        shutil.rmtree(out, ignore_errors=True)
        run = prepare(inputs, out, *settings, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        after = rng.uniform(0.15, 0.95) * seconds
        time.sleep(after)
        done = run.poll() is not None
        run.send_signal(signal.SIGKILL)
        run.wait()
        time.sleep(3)  # its processes end with it
        pieces = len(list(out.glob(".prepare/pieces/*.json")))
        assert prepare(inputs[::-1], out, *settings, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL).wait() == 0
        equal = content(out) == expected
        print(f"killed after {after:.0f} of {seconds:.0f} s{' (was done)' if done else ''}, {pieces} pieces done: "
              f"{'equal' if equal else 'DIFFERENT'}, {len(expected)} files", flush=True)  # fmt: skip


def fuzz(options: argparse.Namespace) -> None:
    folder, out = options.out / "fuzzed", options.out / "fuzz"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    folder.mkdir(parents=True)
    sources = sorted((options.out / "small").glob("*.mp4"))  # left by `kill`
    made = list(fuzzed(folder, sources, random.Random(3), options.files))
    run = prepare(made, out, *SMALL, f"--workers={options.workers}", stderr=subprocess.PIPE, text=True)
    errors = run.communicate()[1]
    report = json.loads((out / "report.json").read_text())
    listed = {row["file"] for row in report["inputs"]}
    missing = [path for path in made if str(path.resolve()) not in listed]
    print(f"{len(made)} files, exit {run.returncode}, tracebacks {errors.count('Traceback')}, missing {len(missing)}")
    print(json.dumps(report["totals"], indent=1))
    for row in report["inputs"]:
        if row.get("fault"):
            print(f"{Path(row['file']).name}: {row.get('reason', 'kept in part')}: {row['fault'][:110]}")


def encode(path: Path, source: Path, *arguments: str) -> bool:
    """Whether ffmpeg could."""
    from imageio_ffmpeg import get_ffmpeg_exe

    command = [get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(source), *arguments, str(path)]
    return subprocess.run(command, capture_output=True).returncode == 0


def fuzzed(folder: Path, sources: list[Path], rng: random.Random, count: int):
    """Files that are broken or odd, by turns in every way."""
    ways = {
        "truncated.mp4": None, "zeroed.mp4": None, "noise.mp4": None, "renamed.txt": None, "empty.mp4": None,
        "text.mp4": None, "noaudio.mp4": ["-an"], "audioonly.mp4": ["-vn"], "mpeg4.avi": ["-c:v", "mpeg4"],
        "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"],
        "mjpeg.mov": ["-c:v", "mjpeg", "-q:v", "4"], "mpeg2.mpg": ["-c:v", "mpeg2video", "-c:a", "mp2"],
        "hevc.mkv": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"],
        "1px.mkv": ["-vf", "scale=1:1", "-c:v", "ffv1"], "2px.mp4": ["-vf", "scale=2:2"],
        "vertical.mp4": ["-vf", "crop=136:240"], "rotated.mp4": ["-vf", "transpose=1"],
        "vfr.mkv": ["-vf", "select='not(mod(n,3))+lt(random(1),0.4)'", "-fps_mode", "vfr"],
        "10bit.mp4": ["-pix_fmt", "yuv420p10le"], "gray.mp4": ["-pix_fmt", "gray"], "alpha.mov": ["-c:v", "qtrle"],
        "5fps.mp4": ["-r", "5"], "120fps.mp4": ["-r", "120", "-preset", "ultrafast"], "gif.gif": ["-r", "12"],
        "raw.h264": ["-f", "h264"], "stream.ts": ["-f", "mpegts"], "flv.flv": ["-f", "flv", "-ar", "44100"],
        "8khz.mp4": ["-ar", "8000", "-ac", "1"], "surround.mkv": ["-ac", "6"], "pcm.mov": ["-c:a", "pcm_s24le"],
        "late.mkv": ["-af", "adelay=400:all=1"], "interlaced.mp4": ["-flags", "+ilme+ildct"],
    }  # fmt: skip
    for number in range(count):
        name, arguments = list(ways.items())[number % len(ways)]
        source, path = rng.choice(sources), folder / f"{number:03d}-{name}"
        if arguments is None:
            damage(path, source.read_bytes(), name.split(".")[0], rng)
        else:
            trim = ["-ss", f"{rng.uniform(0, 3):.2f}", "-t", "1.6"]
            if not encode(path, source, *trim, *arguments):
                warnings.warn(f"ffmpeg cannot make {name}", stacklevel=1)
                path.write_bytes(source.read_bytes()[: rng.randrange(1000)])
            elif rng.random() < 0.35:
                damage(path, path.read_bytes(), rng.choice(["truncated", "zeroed", "noise"]), rng)
        yield path


def damage(path: Path, data: bytes, way: str, rng: random.Random) -> None:
    """Write what is left of a file."""
    if way == "truncated":
        data = data[: rng.randrange(len(data))]
    elif way in ("zeroed", "noise"):
        for _ in range(rng.randint(1, 6)):
            start, length = rng.randrange(len(data)), rng.randrange(1, max(2, len(data) // 12))
            data = (
                data[:start] + (bytes(length) if way == "zeroed" else rng.randbytes(length)) + data[start + length :]
            )
    elif way == "empty":
        data = b""
    elif way == "text":
        data = b"this is no video\n" * rng.randrange(1, 500)
    elif way == "renamed":
        data += bytes([rng.randrange(256)])  # or they were copies of one another
    path.write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["kill", "fuzz"])
    parser.add_argument("--out", type=Path, default=Path("out/bench-prepare"))
    parser.add_argument("--files", type=int, default=8, help="videos to kill runs over, or files to break")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    {"kill": kill, "fuzz": fuzz}[options.what](options)


if __name__ == "__main__":
    main()
