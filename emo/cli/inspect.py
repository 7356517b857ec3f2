"""`emo inspect`: what is in a dataset, a model's folder or a saved motion, or what a video says of its origin."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from emo.console import say
from emo.errors import DatasetError, OptionError
from emo.locks import claim
from emo.pipelines.motion_kinds import TRACK_SUFFIX

if TYPE_CHECKING:
    import numpy as np


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "inspect",
        help="show what is in a dataset or a model, or what made a video",
        description="Of a dataset's folder: count clips, people and hours, and draw histograms and a sheet of frames "
        "with face boxes and landmarks, as a picture and as a web page. Of a model's folder: say of which system it "
        "is, and list its networks. Of a video: say whether it is AI-generated, by which model and with which "
        "options. Of a saved motion: say how long it is and how much each part moves, and draw its curves.",
    )
    parser.add_argument(
        "path", type=Path, metavar="PATH", help="folder of a dataset or a model, a video, or a saved motion"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="of a dataset PNG or HTML to write; both are (default: DATASET/inspect); of a motion the PNG",
    )
    parser.add_argument("--frames", type=int, help="pictures on the sheet (default 32)")
    parser.add_argument("--json", action="store_true", help="a video's whole record as JSON")
    return parser


def run(options: argparse.Namespace) -> None:
    from emo.files import require_file, require_folder
    from emo.store.index import MODEL_INDEX

    if not options.path.is_dir():
        require_file(options.path, DatasetError, "give the folder of a dataset, a video, or a saved motion")
        if options.path.suffix == TRACK_SUFFIX:
            check_no_json(options)
            check_no_frames(options)
            inspect_motion(options.path, options.out or options.path.with_suffix(".png"))
            return
        check_printed(options, "a video's origin is printed")
        inspect_video(options.path, as_json=options.json)
    elif (options.path / MODEL_INDEX).is_file():
        check_printed(options, "what a model holds is printed")
        check_no_json(options)
        inspect_model(options.path)
    else:
        require_folder(options.path, DatasetError, "give the folder of a dataset")
        check_no_json(options)
        inspect_folder(options.path, 32 if options.frames is None else options.frames, options.out)


def check_printed(options: argparse.Namespace, what: str) -> None:
    """Refuse options of a dataset's report."""
    if options.out is not None or options.frames is not None:
        raise OptionError(f"--out and --frames are for datasets; {what}", option="out")


def check_no_frames(options: argparse.Namespace) -> None:
    """Refuse the option of a dataset's sheet."""
    if options.frames is not None:
        raise OptionError("--frames is for datasets; a motion has no pictures", option="frames")


def check_no_json(options: argparse.Namespace) -> None:
    """Refuse the option of a video's record."""
    if options.json:
        raise OptionError("--json is for videos; others are printed, or reported in pictures", option="json")


def inspect_model(folder: Path) -> None:
    """Print of which system a model is, its networks and its sizes."""
    from emo.hub import system_of
    from emo.store import check_folder, network_classes, only_variant, parameter_counts

    system = system_of(folder)
    weights = [file.name for file in folder.rglob("*.safetensors")]
    check_folder(folder, system.pipeline.component_names(folder), only_variant(weights))
    description = system.pipeline.describe(folder)
    counts = parameter_counts(folder)
    total = sum(counts.values()) / 1e6
    say(f"{folder}: {system.title}, {system.pipeline.__name__}, {total:.1f} million parameters")
    for name, network in network_classes(folder).items():
        say(f"{name}: {network.__name__}, {counts[name]:,} parameters; {description.roles[name]}")
    for line in description.sizes:
        say(line)


def inspect_motion(path: Path, out: Path) -> None:
    """Print what a track holds, and draw it."""
    from emo.files import write_whole
    from emo.motion import MotionTrack
    from emo.motion.plot import plot

    if out.suffix.lower() != ".png":
        raise OptionError(f"--out {out}: a motion's curves are a picture; give a name that ends in .png", option="out")
    track = MotionTrack.load(path)
    with claim(out):
        write_whole(out, plot(track))
    say(f"{path}: motion, {len(track)} frames, {track.seconds:.2f} s, {track.fps} frames per second")
    columns = dict(zip(track.space.names, track.values.double().numpy().T, strict=True))
    for part, names in track.space.parts.items():
        say(f"{part}: {'; '.join(_moves(columns[name], name) for name in names)}")
    say(str(out))


def _moves(values: "np.ndarray", name: str) -> str:
    low, high = values.min(), values.max()
    return f"{name} {values.mean():.2f} +- {values.std():.2f} ({low:.2f} to {high:.2f})"


def inspect_video(path: Path, *, as_json: bool) -> None:
    """Print what a video says of its origin."""
    from emo.media import VideoReader, read_origin

    origin = read_origin(path)
    if as_json:
        print(json.dumps(origin, indent=2, sort_keys=True))
        return
    with VideoReader(path) as video:
        seconds = float(video.num_frames / video.fps)
        say(f"{path}: AI-generated video, {video.num_frames} frames, {seconds:.2f} s, {video.width}x{video.height}")
    model = origin.get("model") or {}
    inputs = origin.get("inputs") or {}
    name = "@".join(part for part in (model.get("name") or "a model without a name", model.get("revision")) if part)
    seed = origin.get("seed")
    say(f"made with: emo {origin.get('emo')}, {origin.get('dtype')} on {origin.get('device')}")
    say(f"model: {name}, weights {model.get('fingerprint')}, {origin.get('scheduler')}")
    say(f"seed: {'not known' if seed is None else seed}")
    if faces := origin.get("faces"):
        say(f"faces: {_shown(faces)}")
    if isinstance(speech := origin.get("speech"), dict):
        engine = f"{speech.get('engine')} {speech.get('version')}"
        say(f"speech: made of a text by {engine}, voice {speech.get('voice')}, license {speech.get('license')}")
    if isinstance(upscale := origin.get("upscale"), dict):
        say(f"enlarged by: {upscale.get('name')}, {upscale.get('architecture')}, {upscale.get('factor')} times")
    for key, value in (origin.get("options") or {}).items():
        say(f"{key}: {_shown(value)}")
    say(f"portrait and sound: {inputs.get('image')}, {inputs.get('audio')} (hashes)")


def _shown(value: object) -> str:
    if isinstance(value, dict) and "mask" in value:
        return "a mask picture"
    if isinstance(value, dict) and "space" in value:
        return f"a motion at {value.get('fps')} frames per second"
    if isinstance(value, dict):
        return ",".join(f"{name}:{number:g}" for name, number in value.items()) or "none"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    if isinstance(value, list) and len(value) > 4:
        return f"{len(value)} values, {min(value):g} to {max(value):g}"
    if isinstance(value, list):
        return ",".join(f"{number:g}" for number in value)
    return "default" if value is None else str(value)


def inspect_folder(dataset: Path, frames: int, out: Path | None) -> None:
    """Print what a dataset holds, and draw its report."""
    if frames < 1:
        raise OptionError(f"--frames {frames}: must be at least 1", option="frames")

    from emo.data.inspect import inspect_dataset, report_paths, save_dataset_report

    out = out or dataset / "inspect"
    out = out.with_suffix("") if out.suffix in (".png", ".html") else out
    picture, page = report_paths(out)
    with claim(picture), claim(page):
        report = inspect_dataset(dataset, frames)
        save_dataset_report(report, f"Dataset {dataset.resolve().name}", out)
    for name, value in report.summary.items():
        say(f"{name}: {value}")
    say(f"{picture}, {page}")
