"""`emo dub`: the person in a video says something else."""

import argparse
import time
from pathlib import Path

from emo.cli.arguments import add_pipeline, motion_options
from emo.cli.generate import add_again, add_seed, check_paths, load_pipeline, resume_point, write
from emo.cli.given_motion import require_motion
from emo.errors import AudioError, EmoError, VideoError
from emo.locks import claim
from emo.options import add_arguments, from_arguments
from emo.pipelines.motion_options import DUB_OPTIONS


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "dub",
        help="let the person in a video say something else",
        description="Draw the mouth in a video anew, as a recording has it; all else stays the video's own. Of models "
        "that make motion in named controls.",
    )
    parser.add_argument("video", type=Path, help="a video of a face seen from the front")
    parser.add_argument("audio", type=Path, help="the recording: any sound or video with speech or song")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the video to write (.mp4 or .mov)")
    add_pipeline(parser.add_argument_group("model"), dtype="auto")
    kinds = motion_options()
    names = {name for kind in kinds for name in kind.names()}
    groups = add_arguments(parser, *kinds, without=names - set(DUB_OPTIONS))
    add_seed(groups["video"])
    add_again(parser)
    return parser


def run(options: argparse.Namespace) -> None:
    inputs: dict[Path, type[EmoError]] = {options.video: VideoError, options.audio: AudioError}
    check_paths(options, inputs)
    with claim(options.output):
        dub(options)


def dub(options: argparse.Namespace) -> None:
    """Make the video, of which nobody else is at work."""
    import torch

    from emo.hub import locate_model, system_of

    system = system_of(locate_model(options.model))
    require_motion(system, "emo dub")
    values = from_arguments(system.options, options, motion_options())
    options.seed = options.seed or 0
    started = time.monotonic()
    resume = resume_point(options)
    pipe = load_pipeline(options, system)
    stream = pipe.stream_dub(
        options.video,
        options.audio,
        **values,
        generator=torch.Generator().manual_seed(options.seed),
        output_type="uint8",
        resume_from=resume and resume.state,
    )
    write(stream, options, resume, started)
