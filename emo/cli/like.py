"""`emo generate --like VIDEO`: the options of another video stand where the command gives none."""

import argparse
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emo.errors import FaceError, OptionError

DEFAULTS: dict[str, Any] = {
    "model": None,
    "dtype": "auto",
    "attention": None,
    "height": None,
    "width": None,
    "fps": "25",
    "steps": 40,
    "audio_guidance": 1.5,
    "reference_guidance": 1.0,
    "noise_correlation": None,
    "noise_mirroring": 0.9,
    "eta": 0.0,
    "seed": 0,
    "face": None,
    "face_region": None,
    "speed": None,
    "paste_back": False,
}
"""What an option is where neither the command nor a video says it."""

ARGUMENTS = {
    "steps": "num_inference_steps",
    "audio_guidance": "audio_guidance_scale",
    "reference_guidance": "reference_guidance_scale",
}
"""Options of the command that `EMOPipeline.stream` calls otherwise."""


def fill_in(options: argparse.Namespace) -> "Like | None":
    """Give every option of `DEFAULTS` that the command leaves out its value: the video's, or the default.

    Returns:
        The video whose options they are, or `None` without --like.

    Raises:
        VideoError: the video says nothing of its origin.
        OptionError: the video's model is a folder that is not here.
    """
    missing = [name for name in DEFAULTS if getattr(options, name) is None]
    like = None if options.like is None else Like(options.like, missing)
    for name in missing:
        setattr(options, name, like.value(name, options.device) if like else DEFAULTS[name])
    return like


class Like:
    """The video to repeat.

    Args:
        path: of the video.
        taken: names of the options that come from it.
    """

    def __init__(self, path: Path, taken: list[str]):
        from emo.generation import repeat_options
        from emo.media import read_origin

        self.path, self.taken = path, taken
        self.origin = read_origin(path)
        self.options = repeat_options(self.origin, path)
        self.model = self.origin.get("model") or {}

    def value(self, name: str, device: str) -> Any:
        """The video's value of an option of `DEFAULTS`; `device` is where to generate."""
        if name == "model":
            return self._model()
        if name == "seed":
            return self._seed()
        if name == "dtype":
            return self._dtype(device)
        return self.origin.get(name) if name == "attention" else self.options[ARGUMENTS.get(name, name)]

    def compare(self, pipe) -> None:
        """Say where the pipeline is not the one that made the video."""
        from emo.generation.fingerprint import weights_fingerprint

        if self.model.get("fingerprint") != weights_fingerprint(pipe):
            self._warn("was made with other weights than these")
        if (scheduler := self.origin.get("scheduler")) != type(pipe.scheduler).__name__:
            self._warn(f"was made with {scheduler}; this model's own sampler is used")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Add to errors where values came from that fit the video's own portrait and recording alone."""
        try:
            yield
        except (FaceError, OptionError) as error:
            fixed = {"face_region": "--face-region", "face": "--face", "speed": "--speed"}
            plain = (str, float, type(None))  # these fit any portrait and recording
            names = [fixed[n] for n in fixed if n in self.taken and not isinstance(self.options[n], plain)]
            if not names:
                raise
            raise type(error)(f"{error} ({' and '.join(names)} came from {self.path}; give your own)") from error

    def _model(self) -> str:
        from emo.hub import locate_model

        name, revision = self.model.get("name"), self.model.get("revision")
        if revision:
            return f"{name}@{revision}"
        if name is not None and Path(locate_model(name)).is_dir():
            return name
        called = "a model that was never saved" if name is None else f"the local model {name!r}, which is not here"
        raise OptionError(f"--like {self.path}: made with {called}; give --model FOLDER or a Hub name")

    def _seed(self) -> int:
        if isinstance(seed := self.origin.get("seed"), int):
            return seed
        self._warn(f"was made without a known seed; --seed {DEFAULTS['seed']} is taken")
        return DEFAULTS["seed"]

    def _dtype(self, device: str) -> str:
        """The video's precision on the kind of device that made it, else what suits the device."""
        from emo.cli.arguments import pick_device

        here, dtype = pick_device(device).split(":")[0], self.origin.get("dtype")
        if self.origin.get("device") == here and dtype in ("float32", "float16", "bfloat16"):
            return dtype
        self._warn(f"was made in {dtype} on {self.origin.get('device')}; on {here} the result differs slightly")
        return DEFAULTS["dtype"]

    def _warn(self, message: str) -> None:
        warnings.warn(f"{self.path} {message}", stacklevel=2)
