"""`emo evaluate lips`: whether the lips of a model's videos move as real talkers' did."""

import argparse
import math
from pathlib import Path

from emo.cli.arguments import (
    add_device,
    add_dtype,
    add_model,
    add_workers,
    check_workers,
    make_folders,
    pick_device,
    pick_dtype,
    pick_workers,
    unfinished,
)
from emo.console import note, quiet_loading, say
from emo.errors import OptionError
from emo.locks import claim_folder
from emo.options import add_arguments, from_arguments
from emo.pipelines import all_options


def add_parser(kinds) -> None:
    parser = kinds.add_parser(
        "lips",
        help="whether lips move as real talkers' do",
        description="Animate the first frame of real clips by their own sound, and correlate the mouths of the videos "
        "with those of the clips; beside it by the sound of another clip, and the clips themselves written as the "
        "model writes its videos. With alignments, whether lips meet in p, b and m. For models of any system. Writes "
        "a table, a plot per row, a contact sheet, all numbers as JSON, and the videos. The same seed gives the same "
        "numbers; stopped in the middle, the same command goes on.",
    )
    add_model(parser)
    parser.add_argument("--real", type=Path, required=True, metavar="DIR", help="videos of people who talk")
    parser.add_argument(
        "--alignments",
        type=Path,
        metavar="PATH",
        help="when phones or words are said in them: JSON, TextGrid, or a folder of such files",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--clips", type=int, default=20, help="clips at most, evenly spaced by name (default 20)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each, from its beginning (default 5)")
    parser.add_argument("--seed", type=int, default=0, help="of the videos' noise (default 0)")
    add_workers(parser, "one per core, one on a GPU", suppress=True)
    add_device(parser, default=argparse.SUPPRESS)
    add_dtype(parser)
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    add_arguments(parser, *all_options().values())


def run(options: argparse.Namespace) -> None:
    """Make the videos, measure them, and report."""
    check_workers(options.workers)
    for name, least in (("clips", 2), ("seed", 0)):
        if (value := getattr(options, name)) < least:
            raise OptionError(f"--{name} {value}: must be at least {least}", option=name)
    if not (math.isfinite(options.seconds) and options.seconds >= 1):
        raise OptionError(f"--seconds {options.seconds}: must be at least 1", option="seconds")
    with claim_folder(options.out):
        measure(options)


def measure(options: argparse.Namespace) -> None:
    """The report, of which nobody else is at work."""
    from dataclasses import asdict

    from tqdm import tqdm

    from emo import __version__
    from emo.evaluation.lips.alignments import Alignments
    from emo.evaluation.lips.clips import find_clips
    from emo.evaluation.lips.generator import LipsGenerator
    from emo.evaluation.lips.report import save_report
    from emo.evaluation.lips.rows import lips_shut, real_lips
    from emo.evaluation.lips.run import measure_clips
    from emo.evaluation.model_videos import ModelSettings
    from emo.evaluation.row import rows_table
    from emo.generation.fingerprint import weights_fingerprint
    from emo.hub import locate_model, system_of

    quiet_loading()
    paths = find_clips(options.real, options.out, options.clips)
    alignments = Alignments(options.alignments) if options.alignments else None
    if alignments and not any(alignments.named(path.stem) for path in paths.values()):
        raise OptionError(f"--alignments {options.alignments}: of none of the clips", option="alignments")
    model, device = locate_model(options.model), pick_device(options.device)
    system = system_of(model)
    given = from_arguments(system.options, options, all_options().values())
    chosen = system.options.from_values(given)
    chosen.check()
    settings = ModelSettings(
        model=model,
        options=given,
        seed=options.seed,
        device=device,
        dtype=str(pick_dtype(options.dtype, device)).removeprefix("torch."),
    )
    make_folders(options.out, "cache", "videos")
    workers = pick_workers(options.workers, device)
    generator = LipsGenerator(settings, options.out)
    weights = weights_fingerprint(generator.videos.pipe)  # loads the model: what is wrong with it is said at once
    with unfinished(options.out):
        found = measure_clips(paths, options.seconds, generator, workers, lambda steps, n: tqdm(steps, total=n))
    for name, reason in found.unreadable.items():
        note(f"left out: {paths[name]}: {reason}")
    table = [real_lips(found.mouths, found.unreadable)]
    if alignments:
        phones = {m.name: said for m in found.mouths if (said := alignments.phones(paths[m.name].stem))}
        table += [row] if (row := lips_shut(found.mouths, phones)) else []
        if unknown := len(found.mouths) - len(phones):
            note(f"--alignments {options.alignments}: they tell no phones of {unknown} of {len(found.mouths)} clips")
    about = {
        "version": __version__,
        "weights": weights,
        "seconds": options.seconds,
        "settings": asdict(settings) | {"options": chosen.to_json()},
    }
    save_report(table, [m.name for m in found.mouths], generator, about)
    print(rows_table(table), end="")
    say(f"{options.out}: table, plots, contact sheet, JSON, videos")
