"""`emo evaluate portraits`: what models make of the same portraits and recordings, side by side."""

import argparse
import math
from pathlib import Path

from emo.cli.arguments import add_device, add_dtype, make_folders, pick_device, pick_dtype, unfinished, usable
from emo.console import note, quiet_loading, say
from emo.errors import OptionError
from emo.locks import claim_folder
from emo.options import add_arguments, from_arguments
from emo.pipelines import all_options


def add_parser(kinds) -> None:
    parser = kinds.add_parser(
        "portraits",
        help="what models make of the same portraits, side by side",
        description="Animate the same portraits by the same recordings with one model or several, of any system, and "
        "beside them by warping the portraits alone: whether faces stay faces, whose they are, how sharp, how even "
        "their eyes, how their mouths go with the sound, how much a long video drifts, and what a frame costs. Writes "
        "a table, all numbers as JSON, a sheet of strips, and the videos; stopped in the middle, the same command "
        "goes on.",
    )
    parser.add_argument("models", nargs="+", metavar="MODEL", help="pipeline folders or Hub names")
    parser.add_argument("--portraits", type=Path, required=True, metavar="DIR", help="pictures of people to animate")
    parser.add_argument("--sounds", type=Path, required=True, metavar="DIR", help="recordings of speech")
    parser.add_argument(
        "--gallery",
        type=Path,
        metavar="DIR",
        help="pictures among which a generated face must be nearest to its own (default: the portraits)",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--people", type=int, default=10, help="portraits at most, evenly spaced by name (default 10)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each (default 3)")
    parser.add_argument("--long", type=float, default=0.0, help="seconds of one more, to read drift from (default 0)")
    parser.add_argument("--seed", type=int, default=0, help="of the videos' noise (default 0)")
    add_device(parser, default=argparse.SUPPRESS)
    add_dtype(parser)
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    add_arguments(parser, *all_options().values())


def run(options: argparse.Namespace) -> None:
    """Make the videos, measure them, and report."""
    for name, least in (("people", 1), ("seed", 0)):
        if (value := getattr(options, name)) < least:
            raise OptionError(f"--{name} {value}: must be at least {least}", option=name)
    for name, least in (("seconds", 0.5), ("long", 0.0)):
        if not (math.isfinite(value := getattr(options, name)) and value >= least):
            raise OptionError(f"--{name} {value}: must be at least {least}", option=name)
    with claim_folder(options.out):
        measure(options)


def measure(options: argparse.Namespace) -> None:
    """The report, of which nobody else is at work."""
    import numpy as np
    from tqdm import tqdm

    from emo import __version__
    from emo.evaluation.model_videos import ModelSettings
    from emo.evaluation.portraits.faces import describe
    from emo.evaluation.portraits.makers import TRUTH, Maker, ModelMaker, WarpMaker
    from emo.evaluation.portraits.measures import measure_talk
    from emo.evaluation.portraits.plan import plan_talks
    from emo.evaluation.portraits.report import save_report, table
    from emo.hub import locate_model, system_of
    from emo.names import short_names
    from emo.search import PICTURES, SOUNDS, evenly, find_files

    quiet_loading()
    looks: dict[Path, np.ndarray] = {}

    def look(path: str) -> None:
        looks[Path(path).resolve()] = describe(Path(path))

    pictures = find_files(options.portraits, PICTURES, "--portraits", [options.out])
    own = [Path(path) for path in usable(evenly(pictures, options.people), look, "--portraits")]
    sounds = find_files(options.sounds, SOUNDS, "--sounds", [options.out])
    if options.gallery:
        others = find_files(options.gallery, PICTURES, "--gallery", [options.out])
        usable([path for path in others if path.resolve() not in looks], look, "--gallery")
    gallery, places = np.stack(list(looks.values())), {path: place for place, path in enumerate(looks)}
    talks = plan_talks(own, sounds, options.seconds, options.long)
    device = pick_device(options.device)
    dtype = str(pick_dtype(options.dtype, device)).removeprefix("torch.")
    named = short_names(Path(model) for model in options.models)
    make_folders(options.out, "cache", *(f"videos/{name}" for name in (*named, "warped")))
    makers: dict[str, Maker] = {}
    for (name, _), model in zip(named.items(), options.models, strict=True):
        located = locate_model(model)
        given = from_arguments(system_of(located).options, options, all_options().values())
        settings = ModelSettings(located, given, options.seed, device, dtype)
        makers[name] = ModelMaker(settings, options.out / "videos" / name)
    makers[TRUTH] = WarpMaker(options.seed, options.out / "videos" / "warped")
    measured = {name: [] for name in makers}
    with unfinished(options.out), tqdm(total=len(makers) * len(talks), unit="video") as bar:
        for name, maker in makers.items():
            for talk in talks:
                seconds = maker.make(talk)
                path = maker.folder / f"{talk.name}.mp4"
                place = places[talk.portrait.resolve()]
                measured[name].append(measure_talk(talk, path, options.out / "cache", gallery, place, seconds))
                bar.update()
    about = {"version": __version__, "models": options.models, "gallery": len(gallery), "seconds": options.seconds}
    folders = {name: maker.folder for name, maker in makers.items()}
    save_report(measured, talks, folders, about, options.out)
    print(table(measured), end="")
    for name, found in measured.items():
        for talk in found:
            if talk.problem:
                note(f"{name}, {talk.name}: {talk.problem}")
    say(f"{options.out}: table, strips, JSON, videos")
