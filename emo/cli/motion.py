"""`emo motion`: what people do in videos, as labels to learn from."""

import argparse
from pathlib import Path

from emo.cli.arguments import add_workers, check_workers, pick_workers, unfinished
from emo.console import note, say
from emo.errors import DatasetError


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "motion", help="read how people move from a dataset", description="Work on the motion of faces and heads."
    )
    kinds = parser.add_subparsers(metavar="KIND", dest="kind", required=True)
    extract = kinds.add_parser(
        "extract",
        help="label a prepared dataset with all that moves",
        description="Read head, mouth, eyes, brows and smile from the face in every clip of a dataset that emo "
        "prepare has made, and write them as labels beside those that are there, for train/vasa_motion.py. Stopped in "
        "the middle, the same command goes on; where all is done it does nothing.",
    )
    extract.add_argument("dataset", type=Path, metavar="DATASET", help="folder of a dataset")
    extract.add_argument(
        "--one-person",
        action="store_true",
        help="all clips are of one person, even where emo prepare took them for several; looks are told against all",
    )
    add_workers(extract)
    return parser


def run(options: argparse.Namespace) -> None:
    check_workers(options.workers)
    from emo.files import require_folder

    require_folder(options.dataset, DatasetError, "give a folder with train/metadata.jsonl, made by emo prepare")

    from tqdm import tqdm

    from emo.data.motion_extract import extract_motion

    progress = extract_motion(options.dataset, pick_workers(options.workers), one_person=options.one_person)
    with unfinished(options.dataset, progress):
        state = before = next(progress)
        with tqdm(total=before.all_clips, unit="clip", dynamic_ncols=True, initial=before.clips) as bar:
            for state in progress:
                bar.update(state.clips - bar.n)
    for line in state.faceless:
        note(f"without motion: {line}")
    labeled, known = state.all_clips - len(state.faceless), before.clips - len(before.faceless)
    say(f"{options.dataset}: motion of {labeled} clips, {known} of them from before")
