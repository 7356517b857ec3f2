"""`emo prepare`: real videos as a dataset of training clips."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emo.cli.arguments import add_workers, check_workers, pick_workers, unfinished
from emo.console import note, say
from emo.errors import DatasetError, OptionError
from emo.locks import claim_folder

BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f} of {total:.0f} s of video [{elapsed}, {remaining} left{postfix}]"


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "prepare",
        help="make a dataset of real videos",
        description="Cut videos into clips of one talking face each, with labels on every frame, and split them by "
        "person. report.json tells what was kept of each and why the rest was not. Stopped in the middle, the same "
        "command goes on; with other videos it adds them.",
    )
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO", help="files, or folders of them")
    parser.add_argument("--out", type=Path, required=True, help="folder of the dataset")
    parser.add_argument("--config", type=Path, help="YAML over the defaults; configs/prepare.yaml lists them")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one value over it, as filters.min_face=64"
    )
    parser.add_argument("--engine", choices=["local", "ray"], default="local", help="this machine, or a Ray cluster")
    parser.add_argument("--ray-address", help="of the cluster (default: RAY_ADDRESS, else this machine)")
    add_workers(parser, where=" on this machine")
    return parser


def run(options: argparse.Namespace) -> None:
    check_workers(options.workers)
    if options.ray_address and options.engine != "ray":
        raise OptionError("--ray-address needs --engine ray", option="ray_address")
    if options.workers and options.engine == "ray":
        raise OptionError(
            "--workers is for --engine local; Ray has as many as its cluster has cores", option="workers"
        )
    inputs, left_out = find_videos(options.videos, options.out)

    from emo.data.prepare.config import load_prepare_config
    from emo.data.prepare.engines import local_engine, ray_engine
    from emo.data.prepare.run import prepare_dataset

    config = load_prepare_config(options.config, options.set)
    workers = pick_workers(options.workers)
    engine = ray_engine(options.ray_address) if options.engine == "ray" else local_engine(workers)
    progress = prepare_dataset(inputs, options.out, config, engine)
    with claim_folder(options.out, DatasetError), unfinished(options.out, progress):
        totals = show(progress)
    silent = f", {totals['without_sound']} of them without sound" if totals["without_sound"] else ""
    say(
        f"{options.out}: {totals['clips']} clips{silent}, {totals['kept_seconds']:.0f} of {totals['seconds']:.0f} "
        f"seconds, from {totals['inputs_kept']} of {totals['inputs']} videos; "
        f"people: {totals['people']['train']} train, {totals['people']['test']} test"
    )
    for reason, count in totals["nothing_kept"].items():
        say(f"  nothing of {count} {'video' if count == 1 else 'videos'}: {reason}")
    for line in left_out:
        note(line)
    say(f"{options.out / 'report.json'} tells more; `emo inspect {options.out}` shows the clips")


def find_videos(places: list[Path], out: Path) -> tuple[list[Path], list[str]]:
    """Files as they are given, and those in folders that are called like videos, but none that lies in the output; and
    lines that say what was left out.

    Raises:
        OptionError: there is no such file or folder, no video in a folder, or all of them lie in the output.
    """
    from emo.search import VIDEOS, find_files, in_output

    left_out: list[str] = []
    videos = [path for place in places for path in find_files(place, VIDEOS, "VIDEO", [out], left_out.append)]
    others = [path for path in videos if not in_output(path, out)]
    if not others:
        raise OptionError(f"VIDEO {places[0]} lies in --out {out}; give the videos that its clips are to be cut from")
    if len(others) < len(videos):
        left_out.append(f"VIDEO: left out: {len(videos) - len(others)} in --out {out}")
    return others, left_out


def show(progress: Iterator[Any]) -> dict[str, Any]:
    """Two bars, one after the other: files looked at; seconds of video worked off, with clips a second and time left.

    Returns:
        The report's totals.
    """
    from tqdm import tqdm

    state = next(progress)
    with tqdm(total=state.all_files, unit="file", desc="looking", dynamic_ncols=True, leave=False) as bar:
        while not state.all_seconds and state.totals is None:
            state = next(progress)
            bar.update(state.files - bar.n)
    started = time.monotonic()
    before = state.clips
    with tqdm(
        total=state.all_seconds, initial=state.seconds, desc="cutting", dynamic_ncols=True, bar_format=BAR
    ) as bar:
        while state.totals is None:
            state = next(progress)
            rate = (state.clips - before) / max(time.monotonic() - started, 1e-3)
            bar.set_postfix_str(f"{state.clips} clips, {rate:.2f} clips/s", refresh=False)
            bar.update(state.seconds - bar.n)
    for _ in progress:  # to its end, at which it lets go of the folder
        pass
    return state.totals
