"""What was kept of every input, what was not, and why: `report.json`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from emo.data.format import ClipInfo
from emo.data.prepare.config import PrepareConfig
from emo.data.prepare.filters import Reason
from emo.data.prepare.probe import ProbedVideo
from emo.data.prepare.segment import Segment, SegmentResult
from emo.data.prepare.store import REPORT, Store
from emo.files import write_whole
from emo.names import all_printable

UNREADABLE, COPY, FAILED = "unreadable", "copy of another file", "failed"


def make_report(
    probes: Mapping[str, ProbedVideo],
    segments: Sequence[Segment],
    results: Mapping[str, SegmentResult],
    failures: Mapping[str, str],
    rows: Sequence[ClipInfo],
    config: PrepareConfig,
) -> dict:
    """The report as it is written.

    `inputs`: for every file: file; seconds; kept_seconds; clips by name; person and split where there are any;
    dropped, seconds for which each reason held (several may at once); and where nothing was kept the reason, the one
    that held longest. fault says what is wrong with a file. `totals`: of all of them.
    """
    split = {row.file_name: row for row in rows}
    by_key: dict[str, list[Segment]] = {}
    for segment in segments:
        by_key.setdefault(segment.key, []).append(segment)
    inputs: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    for path, video in sorted(probes.items()):
        if video.fault:
            inputs.append({"file": path, "seconds": 0.0, "kept_seconds": 0.0, "clips": [], "reason": UNREADABLE})
            inputs[-1]["fault"] = video.fault
        elif video.key in first:
            inputs.append({"file": path, "seconds": video.seconds, "kept_seconds": 0.0, "clips": [], "reason": COPY})
            inputs[-1]["fault"] = f"the same as {first[video.key]}"
        else:
            first[video.key] = path
            inputs.append(_input(path, video, by_key[video.key], results, failures, split, config))
    return {"totals": _totals(inputs, rows), "inputs": inputs}


def write_report(store: Store, report: dict) -> None:
    """Write `report.json`, names as they can be shown."""
    write_whole(store.root / REPORT, json.dumps(all_printable(report), indent=1, ensure_ascii=False).encode())


def _input(
    path: str,
    video: ProbedVideo,
    segments: Sequence[Segment],
    results: Mapping[str, SegmentResult],
    failures: Mapping[str, str],
    rows: Mapping[str, ClipInfo],
    config: PrepareConfig,
) -> dict:
    """One readable file's part of the report."""
    done = [results[segment.name] for segment in segments if segment.name in results]
    clips = [rows[info.file_name] for result in done for info in result.clips]
    dropped = sum((Counter(result.dropped) for result in done), Counter())
    faults = [result.fault for result in done if result.fault]
    failed = [failures[segment.name] for segment in segments if segment.name in failures]
    faults += [f"{failure}; the same command tries again" for failure in failed]

    def seconds(frames: int) -> float:
        return round(frames / config.fps, 2)

    row: dict[str, Any] = {
        "file": path,
        "seconds": video.seconds,
        "kept_seconds": seconds(sum(result.kept for result in done)),
        "clips": [info.file_name for info in clips],
        "dropped": {reason.value: seconds(dropped[reason]) for reason in Reason if dropped[reason]},
    }
    if clips:
        row |= {"person": clips[0].person, "split": clips[0].split}
    elif faults:
        row["reason"] = FAILED if len(done) < len(segments) else UNREADABLE
    else:
        row["reason"] = max(row["dropped"], key=row["dropped"].__getitem__, default=UNREADABLE)
    if faults:
        row["fault"] = "; ".join(faults)
    return row


def _totals(inputs: Sequence[dict], rows: Sequence[ClipInfo]) -> dict:
    """All inputs together."""
    dropped = sum((Counter(row.get("dropped", {})) for row in inputs), Counter())
    people = {name: {row.person for row in rows if row.split == name} for name in ("train", "test")}
    return {
        "inputs": len(inputs),
        "inputs_kept": sum(bool(row["clips"]) for row in inputs),
        "seconds": round(sum(row["seconds"] for row in inputs), 2),
        "kept_seconds": round(sum(row["kept_seconds"] for row in inputs), 2),
        "clips": len(rows),
        "without_sound": sum(not row.has_audio for row in rows),
        "people": {name: len(people[name]) for name in people},
        "clips_by_split": dict(sorted(Counter(row.split for row in rows).items())),
        "dropped": {reason.value: round(dropped[reason], 2) for reason in Reason if dropped[reason]},
        "nothing_kept": dict(Counter(row["reason"] for row in inputs if "reason" in row).most_common()),
    }
