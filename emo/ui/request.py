"""What the page's fields hold, checked field by field, so that each error stands beside the field it concerns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from emo.face import Portrait, check_region, prepare_portrait
from emo.generation import Stream
from emo.media import AudioTrack, Chunk
from emo.options import Options
from emo.speech import speak
from emo.ui.form import read_options, read_values
from emo.ui.limits import Limits, PictureLimits
from emo.ui.uploads import read_portrait, read_sound
from emo.ui.words import OPTIONS, FieldError, captured_notes, field_errors

MAX_SEED = 2**53 - 1  # beyond it browsers have no whole numbers


@dataclass(frozen=True)
class Request:
    """One filled-in page.

    Attributes:
        portrait: path of the uploaded picture, or None.
        sound: path of the uploaded recording, or None.
        seed: of the noise.
        options: contents of the model's fields by their arguments; see `emo.ui.form`.
        text: what is said in place of a recording.
    """

    portrait: str | None
    sound: str | None
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Uploads:
    """A request whose fields have been read.

    Attributes:
        picture: the portrait.
        sound: the copy of the recording, or what was made of the text.
        options: what the fields mean.
    """

    picture: Image.Image
    sound: Path | AudioTrack
    options: Options


def read_request(
    request: Request, options: type[Options], limits: Limits, folder: Path, speaker: str | None = None
) -> Uploads:
    """Check every field by itself, and read the uploads; the sound's copy is put into `folder`. Needs no pipeline.

    Args:
        speaker: who speaks texts; see `emo.speech.speak`.

    Raises:
        FieldError: naming the first field that is wrong.
    """
    picture, read = read_picture(request, options, limits)
    if request.text.strip():
        return Uploads(picture, _spoken(request, limits, speaker), read)
    if request.sound is None:
        raise FieldError("sound", "Give a recording of speech or song.")
    copy = folder / Path(request.sound).name
    with field_errors("sound", request.sound):
        read_sound(request.sound, copy, limits.sound)
    return Uploads(picture, copy, read)


def _spoken(request: Request, limits: Limits, speaker: str | None) -> AudioTrack:
    """The sound of a text.

    Raises:
        FieldError: it cannot be spoken, is too long, or there is a recording as well.
    """
    if request.sound is not None:
        raise FieldError("text", "Give a recording or a text, not both.")
    with field_errors("text"):
        track = speak(request.text, speaker)
    if limits.sound is not None and track.duration > limits.sound:
        track.close()
        seconds = float(track.duration)
        raise FieldError("text", f"Spoken, the text takes {seconds:.0f} s; this page takes {limits.sound:g} s.")
    return track


def read_picture(request: Request, options: type[Options], limits: PictureLimits) -> tuple[Image.Image, Options]:
    """The portrait and what the fields of options mean, checked one by one; the recording is not looked at.

    Raises:
        FieldError: naming the first field that is wrong.
    """
    if not _is_seed(request.seed):
        raise FieldError(OPTIONS, "The seed is a whole number, not negative.")
    read = read_options(options, request.options, limits)
    if request.portrait is None:
        raise FieldError("portrait", "Give a portrait: a picture with one face that looks at the camera.")
    return open_portrait(request.portrait, read.values().get("face_region"), limits), read


def open_request(pipe: Any, request: Request, uploads: Uploads, on_step) -> Stream[Any]:
    """The video that is asked for, to be generated; `on_step` is called after each denoising step.

    The stream's sound must be closed in the end, and until then be left where `read_request` has put it.

    Raises:
        FieldError: naming the field that is wrong after all.
    """
    sound = uploads.sound
    path = None if isinstance(sound, AudioTrack) else sound
    with field_errors("sound", path):
        track = AudioTrack.open(sound, sampling_rate=pipe.feature_extractor.sampling_rate)
    try:
        with field_errors("portrait", path), captured_notes():
            return pipe.stream(
                uploads.picture,
                track,
                **uploads.options.values(),
                generator=torch.Generator().manual_seed(int(request.seed)),
                output_type="uint8",
                callback_on_step_end=on_step,
                callback_on_step_end_tensor_inputs=(),
            )
    except BaseException:
        track.close()
        raise


def open_live(pipe: Any, picture: Image.Image, options: Options, sound: Iterable[Chunk], seed: int) -> Any:
    """The live video that is asked for, a `LiveStream` of uint8, of sound that is still to come.

    Args:
        options: what a visitor has not changed of them is left to the pipeline, which knows what is right for live
            sound.

    Raises:
        FieldError: naming the field that is wrong after all.
    """
    usual = type(options)().values()
    chosen = {name: value for name, value in options.values().items() if value != usual[name]}
    generator = torch.Generator().manual_seed(int(seed))
    with field_errors("portrait"), captured_notes():
        return pipe.live(picture, sound, generator=generator, output_type="uint8", **chosen)


def open_portrait(path: str, region: Any, limits: PictureLimits) -> Image.Image:
    """The picture.

    Args:
        region: the face region that it is to have, as `prepare_portrait` takes it.

    Raises:
        FieldError: one of the two cannot be used.
    """
    with field_errors("portrait", path):
        picture = read_portrait(path, limits.pixels)
    with field_errors("face_region"):
        if region is not None:
            check_region(region, (picture.height, picture.width))
    return picture


def preview_portrait(
    path: str, given: Mapping[str, Any], options: type[Options], size: int, limits: PictureLimits
) -> tuple[Portrait, list[str]]:
    """The portrait as it would be animated at `size` pixels, and what is to be said about it.

    Args:
        given: contents of the fields that say which face, and where it may move, by their arguments.

    Raises:
        FieldError: the picture, the region or the face cannot be used.
    """
    choice = read_values(options, given, limits)
    picture = open_portrait(path, choice.get("face_region"), limits)
    with field_errors("portrait"), captured_notes() as notes:
        regions = "face_region" in options.names()
        return prepare_portrait(picture, height=size, width=size, regions=regions, **choice), notes


def _is_seed(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value <= MAX_SEED and value == int(value)
