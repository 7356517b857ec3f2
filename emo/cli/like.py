"""`emo generate --like VIDEO`: the options of another video stand where the command gives none."""

import argparse
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from emo.errors import FaceError, OptionError, VideoError, WeightsError, command_words
from emo.options import Options, from_arguments
from emo.pipelines import all_options

SETTINGS: dict[str, Any] = {
    "model": None,
    "dtype": "auto",
    "attention": None,
    "storage": None,
    "fast_decoder": None,
    "seed": 0,
    "speaker": None,
}
"""What makes a video besides its model's options, and what it is where neither the command nor a video says it."""


def fill_settings(arguments: argparse.Namespace) -> "Like | None":
    """Give every one of `SETTINGS` that the command leaves out its value: the video's, or the default.

    Returns:
        The video to repeat, or None without --like.

    Raises:
        VideoError: the video says nothing of its origin.
        OptionError: the video's model is a folder that is not here.
    """
    like = None if arguments.like is None else Like(arguments.like)
    for name, default in SETTINGS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, like.setting(name, arguments.device) if like else default)
    return like


def given_options(arguments: argparse.Namespace, like: "Like | None", kind: type[Options]) -> dict[str, Any]:
    """The options that the command gives, and the video's for the others.

    Args:
        like: the video to repeat, if any.
        kind: the class of the model's options.

    Raises:
        OptionError: an option's text is no value of it, or the model has no such option.
    """
    given = from_arguments(kind, arguments, all_options().values())
    return {**(like.options(kind, given) if like else {}), **given}


class Like:
    """The video to repeat.

    Args:
        path: of the video.
    """

    def __init__(self, path: Path):
        from emo.media import read_origin

        self.path = path
        self.origin = read_origin(path)
        self.model = self.origin.get("model") or {}
        self.taken: dict[str, str] = {}

    def setting(self, name: str, device: str) -> Any:
        """The video's value of one of `SETTINGS`; `device` is where to generate."""
        if name == "model":
            return self._model()
        if name == "seed":
            return self._seed()
        if name == "speaker":
            return self._speaker()
        return self._dtype(device) if name == "dtype" else self.origin.get(name)

    def options(self, kind: type[Options], given: Collection[str]) -> dict[str, Any]:
        """The video's options, but for those that are given."""
        from emo.generation import repeat_options

        self.taken = {entry.name: entry.flag for entry in kind.entries() if entry.name not in given}
        values = repeat_options(self.origin, self.path, kind)
        return {name: values[name] for name in self.taken}

    def compare(self, pipe, enlarges: bool) -> None:
        """Say where the pipeline is not the one that made the video.

        Args:
            enlarges: whether frames are enlarged, as the command says.
        """
        from emo.generation.fingerprint import weights_fingerprint

        if self.model.get("fingerprint") != weights_fingerprint(pipe):
            self._warn("was made with other weights than these")
        if (scheduler := self.origin.get("scheduler")) != type(pipe.scheduler).__name__:
            self._warn(f"was made with {scheduler}; this model's own sampler is used")
        if isinstance(upscale := self.origin.get("upscale"), dict) and not enlarges:
            self._warn(f"was enlarged by {upscale.get('name')}; give --upscale to do the same")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Add to errors where values came from that fit the video's own portrait and recording alone."""
        try:
            yield
        except (FaceError, OptionError) as error:
            flag = self.taken.get(error.option or "")
            if flag is None:
                raise
            raise type(error)(
                f"{error.told(command_words)} (--{flag} came from {self.path}; give your own)", option=error.option
            ) from error

    def _model(self) -> str:
        from emo.hub import locate_model

        name, revision = self.model.get("name"), self.model.get("revision")
        if revision:
            return f"{name}@{revision}"
        if name is not None:
            with suppress(WeightsError):
                if Path(locate_model(name)).is_dir():
                    return name
        called = "a model that was never saved" if name is None else f"the local model {name!r}, which is not here"
        raise OptionError(f"--like {self.path}: made with {called}; give --model FOLDER or a Hub name")

    def _seed(self) -> int:
        if isinstance(seed := self.origin.get("seed"), int):
            return seed
        self._warn(f"was made without a known seed; --seed {SETTINGS['seed']} is taken")
        return SETTINGS["seed"]

    def _speaker(self) -> str | None:
        """Who spoke, by a name that a record may hold: no file's and no repository's, which would be opened."""
        if (speech := self.origin.get("speech")) is None:
            return None
        told = [speech.get(key) for key in ("engine", "voice")] if isinstance(speech, dict) else []
        names = [name for name in told if isinstance(name, str) and not set(name) & set("/\\:")]
        if len(names) != 2:
            raise VideoError(f"{self.path}: what it says of its origin is damaged (speech)")
        return ":".join(names)

    def _dtype(self, device: str) -> str:
        """The video's precision on the kind of device that made it, else what suits the device."""
        from emo.cli.arguments import pick_device

        here, dtype = pick_device(device).split(":")[0], self.origin.get("dtype")
        if self.origin.get("device") == here and dtype in ("float32", "float16", "bfloat16"):
            return dtype
        self._warn(f"was made in {dtype} on {self.origin.get('device')}; on {here} the result differs slightly")
        return SETTINGS["dtype"]

    def _warn(self, message: str) -> None:
        warnings.warn(f"{self.path} {message}", stacklevel=2)
