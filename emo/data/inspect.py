"""What is in a dataset: counts, histograms, and a sheet of frames with their labels drawn in."""

import base64
import html
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from emo.data.format import (
    CONDITIONS,
    FACE_POINTS,
    METADATA,
    SPLITS,
    ClipInfo,
    load_labels,
    read_metadata,
    reading_clips,
)
from emo.errors import DatasetError
from emo.files import write_whole
from emo.media import VideoReader, contact_sheet
from emo.names import printable

CELL = 160  # px of a frame on the sheet
COLUMNS = 8
PLOTS_PER_ROW = 5
MAX_SAMPLED_CLIPS = 500  # clips whose labels the histograms per frame are made of


@dataclass(frozen=True)
class DatasetReport:
    """A dataset at a glance.

    Attributes:
        summary: names and values in words, in order.
        speeds: mean head rotation of every clip, degrees per frame.
        frame_speeds: head rotation per frame of some clips, degrees.
        face_sizes: larger side of the face box over that of the picture, per frame of some clips.
        labels: those that not every dataset has, by name, per frame of some clips; empty where they are not labeled.
        lengths: seconds of every clip.
        sheet: frames with face boxes and landmarks.
    """

    summary: dict[str, str]
    speeds: np.ndarray
    frame_speeds: np.ndarray
    face_sizes: np.ndarray
    labels: dict[str, np.ndarray]
    lengths: np.ndarray
    sheet: Image.Image


def inspect_dataset(root: str | Path, frames: int = 32) -> DatasetReport:
    """Look into a dataset.

    Args:
        root: its folder.
        frames: pictures on the sheet, of different people as far as there are.

    Raises:
        DatasetError: the folder is no dataset, or damaged.
    """
    root = Path(root)
    splits = [split for split in SPLITS if (root / split / METADATA).is_file()]
    if not splits:
        raise DatasetError(f"{root} holds no {METADATA}; give a folder made by emo synthesize or emo prepare")
    clips = [clip for split in splits for clip in read_metadata(root, split)]
    sampled = clips[:: -(-len(clips) // MAX_SAMPLED_CLIPS)]
    labels = [load_labels(root / clip.split / clip.labels, clip.frames) for clip in sampled]
    box = [label["face_box"] / max(clip.width, clip.height) for label, clip in zip(labels, sampled, strict=True)]
    sides = np.concatenate([np.maximum(b[:, 2] - b[:, 0], b[:, 3] - b[:, 1]) for b in box])
    shown = _of_different_people(clips, frames)
    return DatasetReport(
        summary=_summary(clips),
        speeds=np.array([clip.speed for clip in clips]),
        frame_speeds=np.concatenate([label["rotation_speed"] for label in labels]),
        face_sizes=sides,
        labels={name: _joined(labels, name) for name in ("mouth_open", *CONDITIONS)},
        lengths=np.array([clip.seconds for clip in clips]),
        sheet=contact_sheet(
            [draw_labels(root, clip) for clip in shown],
            columns=min(COLUMNS, len(shown)),
            cell=(CELL, CELL),
            labels=[
                f"{printable(clip.person).removeprefix('portrait-')[:14]}  {clip.speed:.2f}°/fr" for clip in shown
            ],
        ),
    )


def draw_labels(root: Path, clip: ClipInfo) -> Image.Image:
    """The clip's middle frame, enlarged, with its face box and landmarks; these alone of a track."""
    middle = clip.frames // 2
    picture = np.full((clip.height, clip.width, 3), 90, np.uint8)
    if clip.has_pictures:
        with reading_clips(), VideoReader(root / clip.split / clip.file_name) as video:
            picture = video.read([middle])[0]
    labels = load_labels(root / clip.split / clip.labels, clip.frames)
    scale = 2 * CELL / max(picture.shape[:2])
    picture = np.ascontiguousarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))
    x0, y0, x1, y1 = (labels["face_box"][middle] * scale).round().astype(int).tolist()
    cv2.rectangle(picture, (x0, y0), (x1, y1), (40, 220, 60), 2)
    for name, point in zip(FACE_POINTS, labels["points"][middle] * scale, strict=True):
        color = (255, 60, 60) if "eye" not in name else (70, 130, 255)
        cv2.circle(picture, point.round().astype(int).tolist(), 2, color, -1, cv2.LINE_AA)
    return Image.fromarray(picture)


def report_paths(out: Path) -> tuple[Path, Path]:
    """Where a report lies: its picture and its page."""
    return out.with_name(out.name + ".png"), out.with_name(out.name + ".html")


def save_dataset_report(report: DatasetReport, title: str, out: Path) -> tuple[Path, Path]:
    """Write the report as `out`.png and `out`.html, the page with its pictures inside; returns both paths.

    Raises:
        OutputError: a file cannot be written.
    """
    histograms = _histograms(report)
    sheet = report.sheet
    both = Image.new("RGB", (max(sheet.width, histograms.width), sheet.height + histograms.height), "white")
    both.paste(histograms, (0, 0))
    both.paste(sheet, (0, histograms.height))
    picture, page = report_paths(out)
    title = html.escape(printable(title))
    write_whole(picture, _png(both))
    rows = "".join(f"<tr><th>{html.escape(k)}<td>{html.escape(printable(v))}" for k, v in report.summary.items())
    images = "".join(
        f'<h2>{heading}</h2><img alt="{heading}" src="data:image/png;base64,{base64.b64encode(_png(image)).decode()}">'
        for heading, image in (("Distributions", histograms), ("Frames with their labels", sheet))
    )
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><style>body{font-family:sans-serif;margin:2em}'
        "th{text-align:left;padding-right:1.5em;font-weight:normal;color:#555}img{max-width:100%}</style>"
        f"<h1>{title}</h1><table>{rows}</table>{images}</html>"
    )
    write_whole(page, text.encode())
    return picture, page


def _joined(labels: list[dict[str, np.ndarray]], name: str) -> np.ndarray:
    """One label of all clips that have it."""
    return np.concatenate([np.empty(0), *(label[name] for label in labels if name in label)])


def _summary(clips: list[ClipInfo]) -> dict[str, str]:
    values: dict[str, str] = {}
    for split in SPLITS:
        part = [clip for clip in clips if clip.split == split]
        if part:
            hours = sum(clip.seconds for clip in part) / 3600
            people = len({clip.person for clip in part})
            values[split] = f"{len(part)} clips, {hours:.3g} h, {people} people"
    values["sources"] = _counts(clip.source for clip in clips)
    values["size, frames per second"] = _counts(f"{clip.width} x {clip.height} at {clip.fps:g}" for clip in clips)
    values["with sound"] = f"{sum(clip.has_audio for clip in clips)} of {len(clips)}"
    shared = {c.person for c in clips if c.split == "train"} & {c.person for c in clips if c.split == "test"}
    values["people in both splits"] = ", ".join(sorted(shared)[:5]) or "none"
    return values


def _counts(values: Iterable[str]) -> str:
    """The most common values, each with its number."""
    return ", ".join(f"{value}: {count}" for value, count in Counter(values).most_common(5))


def _of_different_people(clips: list[ClipInfo], count: int) -> list[ClipInfo]:
    """Up to `count` clips: each person once before anybody twice, spread over the dataset."""
    turns: Counter[str] = Counter()
    order = []
    for place, clip in enumerate(clips):
        order.append((turns[clip.person], place))
        turns[clip.person] += 1
    order.sort()
    firsts = [place for turn, place in order if turn == 0]
    if len(firsts) > count:
        return [clips[firsts[k * len(firsts) // count]] for k in range(count)]
    return [clips[place] for _, place in order[:count]]


def _histograms(report: DatasetReport) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    plots = [
        ("mean head rotation per clip, degrees per frame", report.speeds),
        ("head rotation, degrees per frame", report.frame_speeds),
        ("face box over picture, larger side", report.face_sizes),
        ("mouth opening, eye distances", report.labels["mouth_open"]),
        ("length of clips, seconds", report.lengths),
        ("gaze to the right", report.labels["gaze_x"]),
        ("gaze to the top", report.labels["gaze_y"]),
        ("brows, raised", report.labels["brow"]),
        ("distance of the camera", report.labels["distance"]),
    ]
    plots = [(title, values) for title, values in plots if len(values)]
    rows = -(-len(plots) // PLOTS_PER_ROW)
    figure = Figure(figsize=(COLUMNS * (CELL + 4) / 100, 2.4 * rows), dpi=100, layout="constrained")
    for place, (title, values) in enumerate(plots, 1):
        axis = figure.add_subplot(rows, PLOTS_PER_ROW, place)
        axis.hist(values, bins=30, color="#3c6e9f")
        axis.set_title(title, fontsize=7)
        axis.tick_params(labelsize=7)
        axis.set_yticks([])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
