"""What the page's fields hold, checked field by field, so that each error stands beside the field it concerns."""

import math
import re
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from emo.errors import AudioError, EmoError, FaceError, OptionError
from emo.face import Portrait, Region, check_region, prepare_portrait
from emo.generation import Stream
from emo.media import AudioTrack
from emo.pipelines import EMOOptions, EMOPipeline
from emo.ui.limits import Limits
from emo.ui.uploads import read_portrait, read_sound

FIELDS = ("portrait", "sound", "region", "speed", "options")
GUIDANCE = 10.0  # the sliders' end; more only burns the picture
MOST_SPEED = 5.0  # degrees per frame; at 25 frames a second the head would turn by 125 degrees each second

_warnings = threading.Lock()  # the warnings module's filters belong to the whole process


class FieldError(Exception):
    """What is wrong with one field, as a sentence.

    Attributes:
        field: one of FIELDS.
    """

    def __init__(self, field: str, sentence: str):
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True)
class Request:
    """One filled-in page.

    portrait, sound: paths of what was uploaded, or `None`; region: `auto`, `full` or `x0,y0,x1,y1` in the picture's
    pixels; speed: degrees per frame, or `free` for whatever comes; the rest as in `EMOPipeline.stream`.
    """

    portrait: str | None
    sound: str | None
    speed: str | float = "free"
    region: str = "auto"
    audio_guidance: float = 1.5
    reference_guidance: float = 1.0
    steps: int = 40
    seed: int = 0
    paste_back: bool = False


@dataclass(frozen=True)
class Uploads:
    """What was uploaded, read: the picture, the region as `prepare_portrait` takes it, and the copy of the sound."""

    picture: Image.Image
    region: Region | None
    sound: Path


def read_request(request: Request, limits: Limits, folder: Path) -> Uploads:
    """Check every field by itself, and read the uploads; the sound's copy is put into `folder`. Needs no pipeline.

    Raises:
        FieldError: naming the first field that is wrong.
    """
    _check_numbers(request, limits)
    parse_speed(request.speed)
    if request.portrait is None:
        raise FieldError("portrait", "Give a portrait: a picture with one face that looks at the camera.")
    if request.sound is None:
        raise FieldError("sound", "Give a recording of speech or song.")
    picture, region = open_portrait(request.portrait, request.region, limits)
    copy = folder / Path(request.sound).name
    with blamed("sound", request.sound):
        read_sound(request.sound, copy, limits.sound)
    return Uploads(picture, region, copy)


def open_request(pipe: EMOPipeline, request: Request, uploads: Uploads, on_step) -> Stream[EMOOptions]:
    """The video that is asked for, to be generated; `on_step` is called after each denoising step.

    The stream's sound must be closed in the end, and until then be left where `read_request` has put it.

    Raises:
        FieldError: naming the field that is wrong after all.
    """
    copy = uploads.sound
    with blamed("sound", copy):
        track = AudioTrack.open(copy, sampling_rate=pipe.feature_extractor.sampling_rate)
    try:
        with blamed("portrait", copy), noted():
            return pipe.stream(
                uploads.picture,
                track,
                num_inference_steps=int(request.steps),
                audio_guidance_scale=float(request.audio_guidance),
                reference_guidance_scale=float(request.reference_guidance),
                face_region=uploads.region,
                speed=parse_speed(request.speed),
                paste_back=bool(request.paste_back),
                generator=torch.Generator().manual_seed(int(request.seed)),
                output_type="uint8",
                callback_on_step_end=on_step,
                callback_on_step_end_tensor_inputs=(),
            )
    except BaseException:
        track.close()
        raise


def open_portrait(path: str, region: str, limits: Limits) -> tuple[Image.Image, Region | None]:
    """The picture, and the face region as `prepare_portrait` takes it.

    Raises:
        FieldError: one of the two cannot be used.
    """
    with blamed("portrait", path):
        picture = read_portrait(path, limits.pixels)
    with blamed("region"):
        parsed = parse_region(region)
        return picture, None if parsed is None else check_region(parsed, (picture.height, picture.width))


def look(path: str, region: str, size: int, limits: Limits) -> tuple[Portrait, list[str]]:
    """The portrait as it would be animated at `size` pixels, and what is to be said about it.

    Raises:
        FieldError: the picture or the region cannot be used.
    """
    picture, parsed = open_portrait(path, region, limits)
    with blamed("portrait"), noted() as notes:
        return prepare_portrait(picture, height=size, width=size, face_region=parsed), notes


def parse_region(text: str) -> Region | None:
    """`auto` or nothing, `full`, or four numbers with commas."""
    text = (text or "").strip().lower()
    if text in ("", "auto"):
        return None
    if text == "full":
        return text
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
    except ValueError:
        raise OptionError(f"“{text[:40]}” is no face region: auto, full, or a box as x0,y0,x1,y1") from None
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise OptionError("the corners of the face region must be finite numbers")
    return x0, y0, x1, y1


def parse_speed(text: str | float | None) -> float | None:
    """`free` or nothing, or degrees per frame.

    Raises:
        FieldError: it is neither, or more than MOST_SPEED.
    """
    if text is None or str(text).strip().lower() in ("", "free"):
        return None
    try:
        speed = float(str(text).replace(",", "."))
    except ValueError:
        speed = math.nan
    if not 0 <= speed <= MOST_SPEED:
        raise FieldError("speed", f"The head's speed is “free”, or from 0 to {MOST_SPEED:g} degrees per frame.")
    return speed


@contextmanager
def blamed(field: str, path: str | Path | None = None) -> Iterator[None]:
    """Turn an EmoError into the field's; of a file on the server only its name is told."""
    try:
        yield
    except EmoError as error:
        if isinstance(error, FaceError) and "face region" in str(error).split(";")[0]:
            field = "region"
        elif isinstance(error, AudioError):
            field = "sound"
        elif isinstance(error, OptionError) and field != "region":
            field = "options"
        raise FieldError(field, in_page_words(str(error), path)) from error


@contextmanager
def noted() -> Iterator[list[str]]:
    """Collect the package's warnings as sentences."""
    notes: list[str] = []
    with _warnings, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield notes
        notes += [in_page_words(str(w.message)) for w in caught if w.category is UserWarning and _ours(w.filename)]


def in_page_words(message: str, path: str | Path | None = None) -> str:
    """A message of the package as the page says it: without folders of the server and options of the command line."""
    name = None if path is None else Path(path).name
    if name is not None:
        message = message.replace(str(path), name)
    message = message.replace(tempfile.gettempdir(), "the server's temporary folder")
    message = message.replace("--face-region full (face_region='full' in Python)", "the face region “full”")
    message = message.replace("--face-region full", "“full”")
    message = message.replace("no face found in it", "no face found in the picture")
    message = re.sub(r" \(choose with --face.*\)", "; to choose another, draw a face region around it", message)
    message = re.sub(r"^(portrait|the sound): ", "", message).strip().rstrip(".")
    first = message[:1] if name and message.startswith(name) else message[:1].upper()
    return f"{first}{message[1:]}."


def _ours(filename: str) -> bool:
    return str(Path(__file__).parents[1]) in filename


def _check_numbers(request: Request, limits: Limits) -> None:
    def number(value) -> float:
        return float(value) if isinstance(value, int | float) and abs(value) < 2**63 else math.nan

    for name in ("audio_guidance", "reference_guidance"):
        if not 0 <= number(getattr(request, name)) <= GUIDANCE:
            raise FieldError("options", f"The {name.replace('_', ' ')} is a number from 0 to {GUIDANCE:g}.")
    if not (1 <= number(request.steps) <= limits.steps and request.steps == int(request.steps)):
        raise FieldError("options", f"The steps are a whole number from 1 to {limits.steps}.")
    if not (0 <= number(request.seed) < 2**53 and request.seed == int(request.seed)):
        raise FieldError("options", "The seed is a whole number, not negative.")
    if not isinstance(request.paste_back, bool):
        raise FieldError("options", "Paste back is yes or no.")
