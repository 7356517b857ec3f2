"""A portrait does what the face of a video does, or some of it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from emo.errors import AudioError, MotionError, OptionError
from emo.generation.inputs import AudioInput, ImageInput
from emo.media import AudioTrack
from emo.motion import MotionTrack
from emo.pipelines.motion_call import rendered


class DrivenMotion:
    """Mixin of `MotionPipeline`: motion that follows a video."""

    def drive(
        self: Any,
        image: ImageInput,
        video: str | Path | MotionTrack,
        audio: AudioInput | None = None,
        parts: Sequence[str] | None = None,
        **options: Any,
    ) -> Any:
        """Let a portrait do what the face of a video does.

        Args:
            image: the portrait: a path, PIL image or array.
            video: the video, or what was read of it.
            audio: what is heard; the video's own sound by default.
            parts: of the motion that follow the video, such as `("pose", "gaze")`; the others follow the sound. All
                by default.
            options: of `stream`.

        Raises:
            EmoError: the picture, the video, a part or an option cannot be used.
        """
        return self(image, **self.driven_by(video, audio, parts, **options))

    def driven_by(
        self: Any,
        video: str | Path | MotionTrack,
        audio: AudioInput | None = None,
        parts: Sequence[str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """What makes `stream` do what the face of a video does; the arguments are those of `drive`.

        Returns:
            Arguments of `stream` besides the portrait.

        Raises:
            EmoError: the video, a part or an option cannot be used.
        """
        if parts is not None:
            self.check_parts(parts)
        track = video if isinstance(video, MotionTrack) else self.animator.track(video)
        if audio is None and not isinstance(video, MotionTrack):
            with suppress(AudioError):  # videos without sound
                audio = AudioTrack.open(video, sampling_rate=self.feature_extractor.sampling_rate)
        if parts is not None:
            if audio is None:
                raise MotionError("only some parts are to follow the video, and there is no sound for the others")
            track = self._with_parts(audio, self._own(track, "motion"), parts, options)
        return rendered(track, audio, options)

    def check_parts(self: Any, parts: Sequence[str]) -> None:
        """See that a motion has these parts.

        Raises:
            OptionError: it has not.
        """
        try:
            self.space.index(*parts)
        except OptionError as error:
            raise OptionError(error.problem, option="parts") from None

    def _with_parts(
        self: Any, audio: AudioInput, track: MotionTrack, parts: Sequence[str], options: Mapping[str, Any]
    ) -> MotionTrack:
        """The motion of a sound, with parts of another; nothing is drawn from the options' generator itself."""
        own = {name: value for name, value in options.items() if name not in ("resume_from", "callback_on_step_end")}
        if own.get("generator") is not None:
            own["generator"] = own["generator"].clone_state()
        heard = self.generate_motion(audio, **own)
        return heard.with_parts(track.resample(heard.fps).fit(len(heard)), *parts)
