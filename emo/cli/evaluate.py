"""`emo evaluate`: generated videos beside real ones, or what given weights can do."""

import argparse
from pathlib import Path

from emo.cli import evaluate_lips, evaluate_mechanisms, evaluate_portraits, evaluate_table
from emo.cli.arguments import add_device, add_workers, check_workers, pick_device, pick_workers, unfinished
from emo.console import note, say
from emo.errors import OptionError
from emo.evaluation.compare.layouts import LAYOUTS
from emo.locks import claim_folder

KINDS = {
    "mechanisms": evaluate_mechanisms,
    "lips": evaluate_lips,
    "portraits": evaluate_portraits,
    "table": evaluate_table,
}


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "evaluate",
        help="measure generated videos, or what given weights can do",
        description="Measure generated videos beside real ones as the EMO, GAIA, VASA-1 and GoHD papers do: picture "
        "and video quality, lip sync, identity, expression, head motion; per clip and overall. Writes a table, plots, "
        "contact sheets of the best and the worst clips, JSON and an HTML page. What is read from a video is kept, so "
        "a second run is quick and one that was stopped goes on. See docs/evaluation.md.",
    )
    parser.add_argument("--generated", type=Path, help="folder of videos, one video, or a manifest (.csv, .jsonl)")
    for name, layout in LAYOUTS.items():
        parser.add_argument(
            f"--from-{name}",
            type=Path,
            metavar="FOLDER",
            help=f"folder of {layout.title}'s results as its script leaves them, in place of --generated",
        )
    parser.add_argument(
        "--portraits", type=Path, help="with --from-*: folder of the pictures that the system was given"
    )
    parser.add_argument("--system", help="name of the system in the report (default: of --from-*, or the folder's)")
    parser.add_argument("--system-version", default="", help="its version, commit or weights, for the report")
    parser.add_argument("--reference", type=Path, help="folder of real videos, paired by name; or one video")
    parser.add_argument("--out", type=Path, help="folder of the report")
    parser.add_argument("--metrics", default="all", help="names or families, comma-separated (default all)")
    parser.add_argument(
        "--network",
        action="append",
        default=[],
        metavar="KIND=NAME|FILE",
        help="network for frames, clips, lpips, faces, expressions or lips; see docs/extractors.md; may be repeated",
    )
    parser.add_argument("--no-fetch", action="store_true", help="never fetch networks; measures that need them say so")
    parser.add_argument("--cache", type=Path, help="folder of what is kept of each video (default: OUT/cache)")
    add_workers(parser, "one per core, one on a GPU")
    add_device(parser, "of the networks: ")
    parser.set_defaults(kind=None)
    kinds = parser.add_subparsers(metavar="KIND", dest="kind")
    for module in KINDS.values():
        module.add_parser(kinds)
    return parser


def run(options: argparse.Namespace) -> None:
    if options.kind is not None:
        KINDS[options.kind].run(options)
        return
    system = given_system(options)
    for name in ("generated", "reference", "out"):
        if getattr(options, name) is None and not (name == "generated" and system):
            raise OptionError(
                f"--{name} is missing; give --generated, --reference and --out, or say `mechanisms`, `lips`, "
                "`portraits` or `table`",
                option=name,
            )
    check_workers(options.workers)
    names = choose_metrics(options.metrics)
    networks = choose_networks(options.network)
    with claim_folder(options.out):
        measure(options, names, networks, system)


def given_system(options: argparse.Namespace) -> str | None:
    """The system whose folder is given.

    Raises:
        OptionError: there are several folders, or pictures that belong to none.
    """
    given = [name for name in LAYOUTS if getattr(options, f"from_{name}")]
    if len(given) + bool(options.generated) > 1:
        raise OptionError(
            f"--from-{given[0]} is given with another folder of generated videos; measure one system at a time, "
            "and put the reports side by side with `emo evaluate table`",
            option=f"from_{given[0]}",
        )
    if options.portraits and not given:
        raise OptionError("--portraits goes with --from-*; a manifest names portraits otherwise", option="portraits")
    return given[0] if given else None


def measure(options: argparse.Namespace, names: frozenset[str], networks: dict[str, str], system: str | None) -> None:
    """The report, of which nobody else is at work.

    Args:
        system: whose layout the folder has; None for --generated.
    """
    from tqdm import tqdm

    from emo import __version__
    from emo.evaluation.compare.conditions import conditions
    from emo.evaluation.compare.layouts import find_results
    from emo.evaluation.compare.pairs import find_pairs
    from emo.evaluation.compare.report import PAGE, markdown, save_report
    from emo.evaluation.compare.run import Plan, compare
    from emo.files import writing_into

    cache = options.cache or options.out / "cache"
    settings: dict[str, list[str]] = {}
    generated = getattr(options, f"from_{system}") if system else options.generated
    if system:
        found = find_results(system, generated, options.reference, options.portraits, [options.out, cache])
        pairs, references, settings = found.pairs, found.references, found.settings
        if found.unnamed:
            note(
                f"{len(found.unnamed)} of {len(pairs)} videos say by their names neither a sound nor a picture that "
                f"is there, the first is {found.unnamed[0]}: {LAYOUTS[system].advice}; or list them in a manifest"
            )
        if found.crossed:
            note(
                f"{len(found.crossed)} of {len(pairs)} videos are of one person and another's sound: there is no real "
                "one to compare them with, so that they count in measures of single videos alone"
            )
    else:
        pairs, references = find_pairs(generated, options.reference, [options.out, cache])
    if not any(pair.reference for pair in pairs):
        note("no generated video has the name of a real one: measures of pairs are left out")
    device = pick_device(options.device)
    with writing_into(cache):
        cache.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        pairs=tuple(pairs),
        references=tuple(references),
        names=names,
        choices=networks,
        fetch=not options.no_fetch,
        cache=cache,
        device=device,
    )
    workers = pick_workers(options.workers, device)
    with unfinished(options.out), tqdm(unit="step", dynamic_ncols=True) as bar:

        def progress(done: int, total: int) -> None:
            bar.n, bar.total = done, total
            bar.refresh()

        comparison = compare(plan, workers, progress)
    if all(clip.error for clip in comparison.clips):
        raise OptionError(
            f"{generated}: none of the generated videos could be read: {comparison.clips[0].error}", option="generated"
        )
    about = {
        "version": __version__,
        "system": options.system or (LAYOUTS[system].title if system else generated.resolve().name),
        "system_version": options.system_version,
        "settings": settings,
        "conditions": conditions(plan, comparison),
        "generated": str(generated),
        "reference": str(options.reference),
        "metrics": sorted(names),
    }
    print(markdown(save_report(plan, comparison, about, options.out)), end="")
    for error in comparison.unreadable.values():
        note(f"left out: {error}")
    say(f"{options.out / PAGE}: table, plots, best and worst clips")


def choose_metrics(text: str) -> frozenset[str]:
    """Names of measures from names and families.

    Raises:
        OptionError: one is unknown.
    """
    from emo.evaluation.compare.run import all_measures

    by_name = all_measures()
    if text == "all":
        return frozenset(by_name)
    chosen = set()
    for word in filter(None, (word.strip() for word in text.split(","))):
        names = {name for name, family in by_name.items() if word in (name, family)}
        if not names:
            raise OptionError(
                f"--metrics {word}: unknown; families are {', '.join(dict.fromkeys(by_name.values()))}; "
                f"measures {', '.join(by_name)}",
                option="metrics",
            )
        chosen |= names
    if not chosen:
        raise OptionError("--metrics: name a measure or a family", option="metrics")
    return frozenset(chosen)


def choose_networks(texts: list[str]) -> dict[str, str]:
    """Networks by kind, from KIND=NAME or KIND=FILE.

    Raises:
        OptionError: there is no such kind.
    """
    from emo.evaluation.compare.networks import KINDS

    choices = {}
    for text in texts:
        kind, _, value = text.partition("=")
        if kind not in KINDS or not value:
            raise OptionError(
                f"--network {text}: must be KIND=NAME or KIND=FILE with a kind of {', '.join(KINDS)}", option="network"
            )
        choices[kind] = value
    return choices
