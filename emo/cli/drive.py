"""`emo drive`: a portrait does what the face of a video does."""

import argparse
import time
from pathlib import Path

from emo.cli.arguments import add_pipeline, motion_options
from emo.cli.enlarged import add_upscale, pick_upscaler
from emo.cli.generate import add_again, add_seed, check_paths, load_pipeline, resume_point, write
from emo.cli.given_motion import refuse_generated, require_motion
from emo.errors import AudioError, EmoError, ImageError, OptionError, VideoError
from emo.locks import claim
from emo.options import add_arguments, from_arguments
from emo.pipelines.motion_kinds import TRACK_SUFFIX


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "drive",
        help="let a portrait do what the face of a video does",
        description="Let a portrait do what the face of a video does: all of it, or some parts while the others "
        "follow the sound. Of models that make motion.",
    )
    parser.add_argument("image", type=Path, help="the portrait: any picture with a face")
    parser.add_argument("video", type=Path, help="a video of one face, or a saved motion (.safetensors)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the video to write (.mp4 or .mov)")
    parser.add_argument("--audio", type=Path, metavar="FILE", help="what is heard (default: the video's own sound)")
    parser.add_argument(
        "--parts",
        metavar="PART,...",
        help="what follows the video, of pose, mouth, eyes, gaze, lids, brows, expression; the rest follows the sound "
        "(default: all follows the video)",
    )
    add_pipeline(parser.add_argument_group("model"), dtype="auto")
    groups = add_arguments(parser, *motion_options(), without=("motion", "idle"))
    add_seed(groups["video"])
    add_upscale(groups["video"])
    add_again(parser)
    return parser


def run(options: argparse.Namespace) -> None:
    inputs: dict[Path, type[EmoError]] = {options.image: ImageError, options.video: VideoError}
    if options.audio is not None:
        inputs[options.audio] = AudioError
    check_paths(options, inputs)
    with claim(options.output):
        drive(options)


def drive(options: argparse.Namespace) -> None:
    """Make the video, of which nobody else is at work."""
    import torch

    from emo.hub import locate_model, system_of
    from emo.pipelines.motion_kinds import load_motion

    system = system_of(locate_model(options.model))
    require_motion(system, "emo drive")
    values = from_arguments(system.options, options, motion_options())
    parts = None if options.parts is None else [part.strip() for part in options.parts.split(",")]
    if parts is not None and not all(parts):
        raise OptionError(f"--parts {options.parts}: write names with commas between them", option="parts")
    if parts is None:
        where = "all follows the video; leave it out, or give --parts"
        refuse_generated(system.options, values, options.seed, where)
    options.seed = options.seed or 0

    started = time.monotonic()
    resume = resume_point(options)
    upscaler = pick_upscaler(options)
    pipe = load_pipeline(options, system)
    saved = options.video.suffix.lower() == TRACK_SUFFIX
    stream = pipe.stream(
        options.image,
        **pipe.driven_by(
            load_motion(str(options.video), "video") if saved else options.video,
            options.audio,
            parts,
            **values,
            generator=torch.Generator().manual_seed(options.seed),
        ),
        output_type="uint8",
        resume_from=resume and resume.state,
    )
    write(stream, options, resume, started, upscaler=upscaler)
