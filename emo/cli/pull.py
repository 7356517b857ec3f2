"""`emo pull`: fetch a model from the Hugging Face Hub."""

import argparse
from contextlib import nullcontext
from pathlib import Path

from emo.console import say
from emo.locks import claim_folder


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "pull",
        help="fetch a model from the Hugging Face Hub",
        description="Fetch a whole pipeline repository. Without --out it goes to the local cache, where --model "
        "org/name finds it without a network.",
    )
    parser.add_argument("repository", help="org/name, or org/name@revision for a branch, tag or commit")
    parser.add_argument("--out", type=Path, help="folder to make (default: in the local cache)")
    return parser


def run(options: argparse.Namespace) -> None:
    from emo.hub import pull_folder

    with nullcontext() if options.out is None else claim_folder(options.out):
        folder = pull_folder(options.repository, options.out)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    say(f"{folder}: {size / 2**20:.1f} MiB")
