"""`emo push`: share a model on the Hugging Face Hub."""

import argparse
from pathlib import Path

from emo.console import say


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "push",
        help="share a model on the Hugging Face Hub",
        description="Send a pipeline folder to the Hub, with a model card written from it. Log in first with "
        "`hf auth login`, or set HF_TOKEN.",
    )
    parser.add_argument("folder", type=Path, help="pipeline folder")
    parser.add_argument("repository", help="org/name; made where it does not exist")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--revision", metavar="BRANCH", help="branch to send to; made where it does not exist")
    parser.add_argument("--message", help="of the commit")
    parser.add_argument("--pull-request", action="store_true", help="propose it as a pull request")
    parser.add_argument("--license", help="of the weights, as the Hub names it (default: see docs/hub.md)")
    parser.add_argument("--training-data", metavar="TEXT", help="for the card: what the weights were trained on")
    return parser


def run(options: argparse.Namespace) -> None:
    from emo.hub import push_folder

    address = push_folder(
        options.folder,
        options.repository,
        commit_message=options.message,
        private=options.private or None,
        revision=options.revision,
        create_pr=options.pull_request,
        license=options.license,
        training_data=options.training_data,
    )
    say(f"{options.folder}: {address}")
