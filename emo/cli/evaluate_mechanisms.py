"""`emo evaluate mechanisms`: what given weights can do."""

import argparse
import math
from pathlib import Path
from typing import Any

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
    usable,
)
from emo.console import quiet_loading, say
from emo.errors import OptionError
from emo.locks import claim_folder
from emo.names import short_names
from emo.resources import EMO_MODEL

COMPARED = ("no_speed", "no_attention")
"""Options that name another model to compare with."""

NOT_OF_ALL = (*COMPARED, "long", "audio_guidance", "reference_guidance", "pose_guidance", "size")
"""Options that not every family of models has; None where they are not given."""


def add_parser(kinds) -> None:
    parser = kinds.add_parser(
        "mechanisms",
        help="whether each mechanism of a model's paper does its work",
        description="Generate videos of synthetic people and voices that no training has seen, and measure, mechanism "
        "by mechanism, whether they do what the model's paper says, beside true clips of the same people. Writes a "
        "table, a plot per row, a contact sheet, all numbers as JSON, and the videos. The same seed gives the same "
        "numbers; stopped in the middle, the same command goes on.",
    )
    add_model(parser, EMO_MODEL)
    parser.add_argument("--no-speed", metavar="MODEL", help="EMO: stage-2 model to compare the speed layers with")
    parser.add_argument(
        "--no-attention", metavar="MODEL", help="GoHD: model whose poses were learned without attention"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the report")
    parser.add_argument("--portraits", type=Path, metavar="DIR", help="pictures of real faces to animate as well")
    parser.add_argument("--talks", type=int, default=20, help="people who talk (default 20)")
    parser.add_argument("--seconds", type=float, default=5.0, help="for so long each (default 5)")
    parser.add_argument("--few", type=int, default=6, help="people of the other measures (default 6)")
    parser.add_argument("--brief", type=float, default=3.0, help="seconds of their videos (default 3)")
    parser.add_argument("--long", type=float, help="EMO: seconds of the long video (default 60)")
    parser.add_argument("--gallery", type=int, default=50, help="portraits to tell people from (default 50)")
    parser.add_argument("--steps", type=int, help="denoising steps per clip (default: VASA-1 10, else the model's)")
    parser.add_argument(
        "--audio-guidance", type=float, help="EMO, VASA-1, GAIA: how strongly the sound drives (default: generation's)"
    )
    parser.add_argument("--reference-guidance", type=float, help="EMO: same for the portrait (default: generation's)")
    parser.add_argument("--pose-guidance", type=float, help="GoHD: gamma, of the first pose (default: generation's)")
    parser.add_argument(
        "--size", type=int, help="VASA-1, GoHD, GAIA: pixels of the videos (default 192); EMO's have their own"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the videos' noise (default 0)")
    parser.add_argument("--people", type=int, help="seed of the held-out people (default 900)")
    add_workers(parser, "one per core, one on a GPU", suppress=True)
    add_device(parser, default=argparse.SUPPRESS)
    add_dtype(parser)
    parser.add_argument("--no-compile", action="store_true", help="do not compile the drawing of true clips")
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> None:
    """Make the videos, measure them, and report."""
    check_numbers(options)
    with claim_folder(options.out):
        measure(options)


def measure(options: argparse.Namespace) -> None:
    """The report, of which nobody else is at work."""
    pictures = real_portraits(options.portraits, options.out)

    import shutil
    from dataclasses import asdict

    from tqdm import tqdm

    from emo import __version__
    from emo.data.synthetic.held_out import HELD_OUT
    from emo.evaluation.mechanisms.generator import GenerationSettings, Generator, generate_clips
    from emo.evaluation.mechanisms.plan import EvaluationSize
    from emo.evaluation.mechanisms.registry import family_of
    from emo.evaluation.mechanisms.report import save_report
    from emo.evaluation.row import rows_table
    from emo.hub import locate_model, system_of

    quiet_loading()
    device = pick_device(options.device)
    models = {"model": locate_model(options.model, EMO_MODEL)}
    system = system_of(models["model"])
    family = family_of(system)
    for name in NOT_OF_ALL:
        if getattr(options, name) is not None and name not in family.options:
            raise OptionError(f"--{name.replace('_', '-')} does nothing for models of {system.title}", option=name)
    for name in COMPARED:
        if given := getattr(options, name):
            models[name] = locate_model(given)
            if (other := system_of(models[name])).name != system.name:
                said = f"--{name.replace('_', '-')} {given} is of {other.title}, not {system.title}"
                raise OptionError(said, option=name)
    extent = EvaluationSize(
        talks=options.talks,
        seconds=options.seconds,
        gallery=options.gallery,
        few=options.few,
        brief=options.brief,
        long=EvaluationSize.long if options.long is None else options.long,
    )
    call: dict[str, Any] = {"num_inference_steps": options.steps or family.steps}
    for entry in system.options.entries():
        if entry.name in family.guidance:
            given = getattr(options, entry.flag.replace("-", "_"))
            call[entry.name] = entry.default if given is None else given
    system.options.from_values(call).check()
    settings = GenerationSettings(
        models=models,
        options=call,
        seed=options.seed,
        people=options.gallery,
        held_out=HELD_OUT if options.people is None else options.people,
        size=options.size or family.size,
        device=device,
        dtype=str(pick_dtype(options.dtype, device)).removeprefix("torch."),
        compile=not options.no_compile and shutil.which("c++") is not None,
    )
    make_folders(options.out, "observations", "videos")
    workers = pick_workers(options.workers, device)
    generator, found = Generator(settings, family, options.out), {}
    clips = family.plan(extent, generator, pictures)  # loads the model: what is wrong with it is said at once
    with unfinished(options.out):
        for name, observation in tqdm(
            generate_clips(clips, settings, family, options.out, workers), total=len(clips), unit="video"
        ):
            found[name] = observation
    table = family.rows(found, extent, generator)
    seconds = {kind: sum(float(v.seconds) for n, v in found.items() if n.endswith("truth") == truth)
               for kind, truth in (("generated", False), ("ground truth", True))}  # fmt: skip
    about = {"version": __version__, "extent": asdict(extent), "settings": asdict(settings), "cpu_seconds": seconds}
    save_report(table, found, about, family.on_sheet, options.out)
    print(rows_table(table), end="")
    spent = ", ".join(f"{name} {value / 60:.1f}" for name, value in seconds.items())
    say(f"{options.out}: table, plots, contact sheet, JSON; minutes of processor time: {spent}")


def check_numbers(options: argparse.Namespace) -> None:
    """The options' values make sense, alone and together."""
    check_workers(options.workers)
    for name, least in (
        ("talks", 2),
        ("few", 2),
        ("gallery", 2),
        ("steps", 1),
        ("people", 0),
        ("seed", 0),
        ("size", 64),
    ):
        value = getattr(options, name)
        if value is not None and value < least:
            raise OptionError(f"--{name} {value}: must be at least {least}", option=name)
    for name, least in (("seconds", 1.0), ("brief", 1.0), ("long", 2.4)):
        value = getattr(options, name)
        if value is not None and not (math.isfinite(value) and value >= least):
            raise OptionError(f"--{name} {value}: must be at least {least:g} seconds", option=name)
    if options.few > options.talks or options.talks > options.gallery:
        raise OptionError(f"--few {options.few} <= --talks {options.talks} <= --gallery {options.gallery} must hold")
    if options.size and options.size % 8:
        raise OptionError(f"--size {options.size}: must be a multiple of 8", option="size")
    for name in ("audio", "reference", "pose"):
        if not math.isfinite(getattr(options, f"{name}_guidance") or 0):
            raise OptionError(f"--{name}-guidance must be finite", option=f"{name}_guidance")


def real_portraits(folder: Path | None, out: Path) -> dict[str, str]:
    """Pictures with a face by name; the others are named and left out."""
    if folder is None:
        return {}
    import numpy as np

    from emo.evaluation.face import face_in
    from emo.media import load_image
    from emo.search import PICTURES, find_files

    def check(path: str) -> None:
        face_in(np.asarray(load_image(path)), path)

    return short_names(usable(find_files(folder, PICTURES, "--portraits", [out]), check, "--portraits"))
