"""What a case may leave and say: nothing half, one line for an error, and a whole file under every final name."""

import json
import re
from pathlib import Path

HALF = (".tmp", ".part", ".emo-new", ".lock", ".resume")
SAVED = ("report.json", "report.html", "report.md")
STEP = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]")


def judge_words(status: object, out: str, err: str) -> list[str]:
    """Faults in how a command ended and in what it said."""
    faults = []
    if "Traceback (most recent call last)" in err + out:
        faults.append(f"traceback: {last_line(err)}")
    elif status not in (0, 2, 130):
        faults.append(f"status {status}: {last_line(err)}")
    lines = [line for line in err.split("\n") if line.strip()]
    if status == 2 and not faults and not any(line.startswith("usage:") for line in lines):
        if not lines or not lines[-1].startswith("emo: "):
            faults.append(f"unclear: the last line of the error is {last_line(err)!r}")
        elif CONTROL.search(lines[-1]):
            faults.append(f"unclear: control characters in {lines[-1]!r}")
    return faults


def last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "nothing said")[:300]


def judge_folder(target: str, status: object, out: str, folder: Path) -> list[str]:
    """Faults in what was left in the folder of outputs."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    faults = [f"half file: {path.name[-40:]}" for path in files if path.name.endswith(HALF)]
    if target == "generate":
        said = re.search(r": (\d+) frames, ", out)
        videos = [path for path in files if path.suffix in (".mp4", ".mov")]
        if status == 0:
            if len(videos) != 1 or not said:
                faults.append(f"output: {len(videos)} videos, {last_line(out)!r}")
            else:
                faults += judge_video(videos[0], int(said[1]), sound=True)
        elif files:
            faults.append(f"output: {[path.name for path in files]} of a command that failed")
    elif target == "prepare" and status == 0:
        if not (folder / "dataset" / "report.json").is_file():
            faults.append("output: no report.json")
        else:
            json.loads((folder / "dataset" / "report.json").read_text(encoding="utf-8"))
        faults += judge_dataset(folder / "dataset")
    elif target == "evaluate" and status == 0:
        faults += [f"output: no {name}" for name in SAVED if not (folder / "report" / name).is_file()]
        if not faults:
            json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))
    return faults


def judge_dataset(root: Path) -> list[str]:
    """Faults in a dataset: every clip of the tables is whole and labeled, and no other lies there."""
    from emo.data.format import load_labels

    faults, clips, listed = [], set(), set()
    for split in ("train", "test"):
        clips |= set((root / split).glob("*.mp4"))
        table = root / split / "metadata.jsonl"
        rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()] if table.is_file() else []
        for row in rows:
            video = root / split / row["file_name"]
            listed.add(video)
            if not video.is_file():
                faults.append(f"output: {row['file_name']} is in the table and not there")
                continue
            faults += judge_video(video, row["frames"], row["has_audio"])
            load_labels(video.with_suffix(".safetensors"), row["frames"])
    return faults + [f"output: {path.name} is in no table" for path in sorted(clips - listed)]


def judge_video(path: Path, frames: int, sound: bool) -> list[str]:
    """Faults in a video that should have so many frames, and a sound of their length if any."""
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(path)) as container:
            shown = sum(1 for _ in container.decode(video=0))
            stated = float(container.streams.video[0].duration * container.streams.video[0].time_base)
            kinds = sorted(stream.type for stream in container.streams)
        length = 0.0
        if sound and "audio" in kinds:
            with av.open(str(path)) as container:
                length = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    except (FFmpegError, IndexError, TypeError) as error:
        return [f"half file: {path.name} does not decode ({error})"]
    faults = []
    if shown != frames:
        faults.append(f"output: {shown} frames for {frames}")
    if kinds != (["audio", "video"] if sound else ["video"]):
        faults.append(f"output: has tracks {kinds}")
    elif sound and abs(length - stated) > 0.1:
        faults.append(f"output: {length:.2f} s of sound with {stated:.2f} s of video")
    return faults
