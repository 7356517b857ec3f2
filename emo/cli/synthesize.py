"""`emo synthesize`: talking people who do not exist, or still portraits made to talk, as a dataset."""

import argparse
import math
from pathlib import Path

from emo.cli.arguments import add_workers, check_workers, pick_device, share, unfinished, usable
from emo.cli.portraits import add_portrait_options, portrait_settings
from emo.console import say
from emo.errors import DatasetError, OptionError
from emo.locks import claim_folder
from emo.search import SOUNDS


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "synthesize",
        help="make a dataset of synthetic talking people",
        description="Make training clips with exact labels: avatars, still portraits warped into speech, or both. "
        "The same options make the same clips; stopped in the middle, the same command goes on, and a larger "
        "--hours adds to what is there.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the dataset")
    parser.add_argument("--identities", type=int, default=100, help="avatars (default 100; 0 for portraits alone)")
    parser.add_argument("--hours", type=float, default=0.1, help="hours of video in all (default 0.1)")
    parser.add_argument("--seed", type=int, default=0, help="other seeds, other people (default 0)")
    add_portrait_options(parser)
    parser.add_argument("--speech", type=Path, metavar="DIR", help="recordings of speech to cut clips' sound from")
    parser.add_argument(
        "--speech-share", type=float, metavar="SHARE", help="clips with recorded sound, 0 to 1 (default 0.5 if any)"
    )
    parser.add_argument(
        "--test-share", type=float, default=0.1, help="share of people for the test split (default 0.1)"
    )
    parser.add_argument("--size", type=int, default=128, help="pixels, a multiple of 8 (default 128)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a clip (default 5)")
    parser.add_argument("--fps", type=float, default=25.0, help="frames per second (default 25)")
    parser.add_argument("--samples", type=int, default=1, help="rays per pixel and axis: 2 is smoother (default 1)")
    parser.add_argument(
        "--edition", type=int, choices=(1, 2), help="of the motion: 2 goes with the voice (default; else the folder's)"
    )
    parser.add_argument(
        "--instructed-share",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="clips in which somebody does as told, without a word, 0 to 1 (default 0)",
    )
    parser.add_argument(
        "--tracks", action="store_true", help="sound and labels alone, without pictures: hours a minute"
    )
    add_workers(parser)
    parser.add_argument("--device", default="cpu", help="where avatars are drawn: cpu (default) or cuda")
    parser.add_argument("--no-compile", action="store_true", help="do not compile the drawing, however much there is")
    return parser


def run(options: argparse.Namespace) -> None:
    clips = check_numbers(options)
    with claim_folder(options.out, DatasetError):
        synthesize(options, clips)


def synthesize(options: argparse.Namespace, clips: int) -> None:
    """Make the clips, of which nobody else is at work."""
    recordings = usable_recordings(options) if options.speech else ()

    from tqdm import tqdm

    from emo.data.synthesize import recipe_of, synthesize_dataset
    from emo.data.synthetic.config import NEWEST, SyntheticConfig

    recipe = recipe_of(options.out)
    config = SyntheticConfig(
        seed=options.seed,
        identities=options.identities,
        **portrait_settings(options, recipe),
        recordings=recordings,
        speech_share=share(options.speech_share, recordings, 0.5, "--speech-share", "--speech"),
        size=options.size,
        seconds=options.seconds,
        fps=options.fps,
        samples=options.samples,
        test_share=options.test_share,
        edition=options.edition or (recipe["edition"] if recipe else NEWEST),
        instructed_share=options.instructed_share,
        pictures=not options.tracks,
    )
    progress = synthesize_dataset(
        config,
        clips,
        options.out,
        workers=options.workers,
        device=options.device,
        compile=False if options.no_compile else None,
    )
    with unfinished(options.out, progress):
        before = next(progress)
        with tqdm(total=clips, unit="clip", dynamic_ncols=True, initial=before) as bar:
            for _ in progress:
                bar.update()
    made = f"all {clips} clips were there" if before == clips else f"{clips} clips, {before} of them from before"
    say(f"{options.out}: {made}; `emo inspect {options.out}` shows them")


def check_numbers(options: argparse.Namespace) -> int:
    """The number of clips that the options ask for."""
    for name, least in (("identities", 0), ("samples", 1), ("seed", 0)):
        value = getattr(options, name)
        if value < least:
            raise OptionError(f"--{name} {value}: must be at least {least}", option=name)
    check_workers(options.workers)
    if options.size < 64 or options.size % 8:
        raise OptionError(f"--size {options.size}: must be a multiple of 8, at least 64", option="size")
    if not 0 <= options.test_share < 1:
        raise OptionError(f"--test-share {options.test_share}: must be from 0 to less than 1", option="test_share")
    if not 0 <= options.instructed_share <= 1:
        raise OptionError(
            f"--instructed-share {options.instructed_share}: must be from 0 to 1", option="instructed_share"
        )
    if not (math.isfinite(options.hours) and options.hours > 0):
        raise OptionError(f"--hours {options.hours}: must be above 0", option="hours")
    if not 0.2 <= options.seconds <= 600:
        raise OptionError(f"--seconds {options.seconds}: must be from 0.2 to 600", option="seconds")
    if not 1 <= options.fps <= 120:
        raise OptionError(f"--fps {options.fps}: must be from 1 to 120", option="fps")
    if not options.identities and not options.portraits:
        raise OptionError("--identities 0 needs --portraits: there is nobody to draw", option="identities")
    if options.device != "cpu":
        options.device = pick_device(options.device)
    return max(1, math.ceil(round(options.hours * 3600 / options.seconds, 6)))


def usable_recordings(options: argparse.Namespace) -> tuple[str, ...]:
    """The recordings that can be read and hold at least a frame; the others are named and left out."""
    from emo.errors import AudioError
    from emo.media import AudioTrack
    from emo.search import find_files

    def check(path: str) -> None:
        with AudioTrack.open(path) as track:
            if track.duration * options.fps < 1:
                raise AudioError(f"{path} is shorter than one frame")

    return usable(find_files(options.speech, SOUNDS, "--speech", [options.out]), check, "--speech")
