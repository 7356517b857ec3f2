"""The options of `emo synthesize` about portraits: which there are, who is in them, and how they are altered."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from emo.cli.arguments import share, usable
from emo.console import note
from emo.errors import FaceError, OptionError
from emo.names import printable
from emo.search import PICTURES

NEW_SHARES = {"mirror": 0.5, "color": 0.5, "light": 0.4, "background": 0.5, "proportions": 0.4, "morph": 0.2}
"""What is altered in new datasets of several people, of all that `AlterationShares` has."""

WHAT = {
    "mirror": "mirrored",
    "color": "in other colors",
    "light": "lit from a side",
    "background": "before another background",
    "proportions": "of new people: with features of other sizes and places",
    "morph": "of new people: between two of them",
}


def add_portrait_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--portraits", type=Path, metavar="DIR", help="pictures of faces to animate as well")
    parser.add_argument(
        "--portrait-share", type=float, metavar="SHARE", help="clips of portraits, 0 to 1 (default 0.25 if any)"
    )
    parser.add_argument(
        "--people",
        type=Path,
        metavar="FILE",
        help="CSV with columns file,person: who is in which portrait (default people.csv beside them, else by looks)",
    )
    for name, what in WHAT.items():
        parser.add_argument(
            f"--{name}-share",
            type=float,
            metavar="SHARE",
            help=f"clips of portraits {what}, 0 to 1 (default {NEW_SHARES[name]}, 0 for portraits of one person)",
        )
    parser.add_argument(
        "--landmarks",
        action="store_true",
        help="label clips with the face's 478 landmarks as well; of tracks only those of portraits",
    )


def portrait_settings(options: argparse.Namespace, recipe: dict[str, Any] | None) -> dict[str, Any]:
    """The fields of `SyntheticConfig` about portraits; what is not given is as the recipe has it, if there is one."""
    from emo.data.synthetic.alteration import AlterationShares

    portraits, people = usable_portraits(options, recipe)
    shares = recipe["alterations"] if recipe else NEW_SHARES if len({*people}) > 1 else {}
    names = [field.name for field in fields(AlterationShares)]
    given = {name: getattr(options, f"{name}_share") for name in names}
    alterations = {
        name: share(given[name], portraits, shares.get(name, 0.0), f"--{name}-share", "--portraits") for name in names
    }
    return {
        "portraits": portraits,
        "people": people,
        "portrait_share": share(
            options.portrait_share,
            portraits,
            0.25 if options.identities else 1.0,
            "--portrait-share",
            "--portraits",
        ),
        "alterations": AlterationShares(**alterations),
        "landmarks": options.landmarks,
    }


def usable_portraits(
    options: argparse.Namespace, recipe: dict[str, Any] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The pictures that can be animated, and the person in each; the others are named and left out."""
    if options.portraits is None:
        if options.people is not None:
            raise OptionError(f"--people {options.people}: give --portraits as well", option="people")
        return (), ()

    import numpy as np

    from emo.data.synthetic.people import TABLE, people_by_looks, read_people
    from emo.data.synthetic.portrait import crop_portrait
    from emo.media import load_image
    from emo.metrics import identity_descriptor
    from emo.search import find_files

    looks = {}

    def look(path: str) -> None:
        try:
            looks[path] = identity_descriptor(*crop_portrait(np.asarray(load_image(path))))
        except FaceError as error:
            raise FaceError(f"{path}: {error}") from None

    portraits = usable(find_files(options.portraits, PICTURES, "--portraits", [options.out]), look, "--portraits")
    table = options.people or options.portraits / TABLE
    if options.people is not None or table.is_file():
        return portraits, read_people(table, portraits)
    if recipe and recipe["portraits"] == [printable(Path(path).name) for path in portraits]:
        return portraits, tuple(recipe["people"])
    people = people_by_looks(portraits, np.stack([looks[path] for path in portraits]))
    if len({*people}) < len(people):
        note(f"{options.portraits}: {len({*people})} people in {len(people)} portraits, by their looks; a table "
             f"{TABLE} there says it for certain")  # fmt: skip
    return portraits, people
