"""`emo generate --face 1 --audio a.wav --face 2 --audio b.wav`: who in the picture says what."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emo.errors import OptionError


def add_audio(parser: argparse._ActionsContainer) -> None:
    """`--audio`, which belongs to the `--face` before it, an option with `FaceAction`; `people_of` tells them."""
    parser.add_argument(
        "--audio",
        dest="faces",
        type=Path,
        action=_Sound,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="what the --face before it says; repeat both for several people: --face 1 --audio a.wav --face 2 ...",
    )


class FaceAction(argparse.Action):
    """Keeps the last face as its value, and all of them in the order in which they came."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        namespace.faces = [*getattr(namespace, "faces", []), (values, None)]
        namespace.face = values


class _Sound(argparse.Action):
    """Gives the last face its sound."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        faces = getattr(namespace, "faces", [])
        if not faces or faces[-1][1] is not None:
            parser.error("--audio says what the --face before it says; write --face N --audio FILE")
        namespace.faces = [*faces[:-1], (faces[-1][0], values)]


def people_of(options: argparse.Namespace) -> dict[int, Path | None]:
    """Who says what: face -> recording, or None; nothing where the command names no people.

    Raises:
        OptionError: a face is named twice, or there is another recording besides.
    """
    faces = getattr(options, "faces", [])
    if len(faces) < 2 and not any(sound for _, sound in faces):
        return {}
    numbers = [number for number, _ in faces]
    if twice := [number for number in numbers if numbers.count(number) > 1]:
        raise OptionError(f"--face {twice[0]} is given twice; name each face once", option="face")
    if options.audio is not None:
        problem = f"{options.audio}: who says it is not told; give it to a face with --face N --audio FILE"
        raise OptionError(problem, option="audio")
    if options.text is not None or options.text_file is not None:
        problem = "a text is said by one face alone; give each of several a recording: --face N --audio FILE"
        raise OptionError(problem, option="text")
    if options.save_motion is not None:
        raise OptionError("--save-motion is of one face; leave it out", option="save_motion")
    return dict(faces)


def without_faces(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a video without those that people have by themselves."""
    return {name: value for name, value in values.items() if name not in ("face", "paste_back")}
