"""A video at a constant rate: frames by their times, from any container, and the sound in step with them."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emo.errors import VideoError
from emo.media.audio import AudioTrack
from emo.media.demuxer import Media
from emo.media.picture import PictureForm
from emo.media.rate import SAMPLE_RATE, as_fps
from emo.media.sound import Clock, frames_of, mono, samples_of

if TYPE_CHECKING:
    from av import VideoFrame

MAX_HOLD = 0.5  # seconds that a frame is shown for at most: after that the picture counts as missing
PRE_ROLL = Fraction(1, 2)  # seconds of sound decoded before those asked for: codecs need a running start


class ConstantRateReader:
    """A video as frames 0, 1, ... of a constant rate, as players show them, and its sound on the same clock.

    Frame i is the picture shown at (i + 1/2) / fps after the video's first one. Damaged pictures are left out up to
    the next that stands alone; what is left out for longer than MAX_HOLD is missing. Where `VideoReader` needs a whole
    file and goes to and fro in it, this one reads on through whatever is there.

    Attributes:
        path: of the file.
        fps: exact frame rate.
        height: of the frames, in pixels.
        width: of the frames, in pixels.
        has_audio: whether the file has a sound track.

    Raises:
        VideoError: the file is missing, empty, not media, or without a picture that can be decoded.
    """

    def __init__(self, path: Path, fps: float | Fraction):
        self.path = Path(path)
        self.fps = as_fps(fps)
        with Media(self.path, VideoError) as media:
            if media.video is None:
                raise VideoError(f"{path} has no video track; give a video")
            self.has_audio = media.sound is not None
            rate = media.video.average_rate or media.video.guessed_rate
            first = next(_decoded(media), None)
            if first is None or not rate:
                raise VideoError(f"{path} holds no frames that can be decoded; check that it plays")
            self._rate = rate
            self._origin, frame = first
            self._form = PictureForm.of(media, frame)
        self._timed = frame.pts is not None
        self.width, self.height = self._form.size

    def frames(self, start: int, stop: int) -> Iterator[np.ndarray | None]:
        """Frames `start` to `stop`, or as many as there are: uint8 (height, width, 3) RGB; None for missing ones."""
        number = start
        shown: VideoFrame | None = None
        picture: np.ndarray | None = None
        since = Fraction(0)

        def hold(until: Fraction) -> Iterator[np.ndarray | None]:
            nonlocal number, picture
            while shown is not None and number < stop and self._center(number) < until:
                late = self._center(number) > since + MAX_HOLD
                if picture is None and not late:
                    picture = self._form.picture(shown)
                yield None if late else picture
                number += 1

        for time, frame in self._from(start):
            yield from hold(time)
            if number >= stop:
                return
            shown = frame
            picture = None
            since = time
        if shown is not None:
            yield from hold(since + 1 / self._rate)

    def sound(self, start: int, stop: int) -> np.ndarray:
        """The sound of frames `start` to `stop`, mono float32 at SAMPLE_RATE; silence where there is none."""
        first, last = (round(number / self.fps * SAMPLE_RATE) for number in (start, stop))
        samples, rate = self._samples(Fraction(first, SAMPLE_RATE), Fraction(last, SAMPLE_RATE))
        with AudioTrack.open((samples, rate), SAMPLE_RATE) as track:
            sound = track.read(0, min(track.length, last - first))
        return np.pad(sound, (0, last - first - len(sound)))

    def _center(self, number: int) -> Fraction:
        return (number + Fraction(1, 2)) / self.fps

    def _from(self, start: int) -> "Iterator[tuple[Fraction, VideoFrame]]":
        """Times after the first frame, and frames, from the one shown at frame `start` on or earlier."""
        with Media(self.path, VideoError) as media:
            if start and self._timed:
                assert media.video is not None
                assert media.video.time_base is not None
                target = self._center(start)
                media.container.seek(int((target + self._origin) / media.video.time_base), stream=media.video)
                frames = _decoded(media)
                first = next(frames, None)
                if first is not None and first[0] - self._origin <= target:
                    yield first[0] - self._origin, first[1]
                    yield from ((time - self._origin, frame) for time, frame in frames)
                    return
        with Media(self.path, VideoError) as media:
            yield from ((time - self._origin, frame) for time, frame in _decoded(media))

    def _samples(self, start: Fraction, stop: Fraction) -> tuple[np.ndarray, int]:
        """Mono samples from `start` to `stop` seconds after the first frame at the file's own rate, and that rate."""
        blocks: list[np.ndarray] = []
        clock: Clock | None = None
        length = 0
        with Media(self.path, VideoError) as media:
            stream = media.sound
            assert stream is not None
            assert stream.time_base is not None
            begin = start + self._origin - PRE_ROLL
            if begin > (stream.start_time or 0) * stream.time_base:  # FLV is at its end after a seek before the start
                media.container.seek(int(begin / stream.time_base), stream=stream)
            for frame in frames_of(media, quiet=True):
                clock = clock or Clock(frame.sample_rate, self._origin + start)
                if frame.sample_rate != clock.rate:
                    break
                place, late = clock.put(frame)
                if place >= (stop - start) * clock.rate:
                    break
                samples = samples_of(frame)[:, late:]
                early = min(max(0, -place), samples.shape[1])
                if samples.shape[1] > early:
                    pause = max(0, place) - length
                    blocks += [np.zeros((len(samples), pause), np.float32), samples[:, early:]]
                    length = max(0, place) + samples.shape[1] - early
        rate = clock.rate if clock else SAMPLE_RATE
        wanted = max(1, round((stop - start) * rate))
        sound = np.concatenate([*mono(blocks, rate), np.zeros(0, np.float32)])[:wanted]
        sound = np.pad(sound, (0, wanted - len(sound)))
        return np.nan_to_num(sound, posinf=0, neginf=0).clip(-1, 1), rate


def _decoded(media: Media) -> "Iterator[tuple[Fraction, VideoFrame]]":
    """Times by the file's clock, ascending, and frames; after damage none until one that stands alone."""
    from av.codec.context import ThreadType

    stream = media.video
    assert stream is not None
    stream.thread_type = ThreadType.NONE  # all cores have videos of their own
    damaged = False
    before: Fraction | None = None

    def note_damage() -> None:
        nonlocal damaged
        damaged = True

    for count, frame in enumerate(media.decoded(stream, note_damage)):
        damaged = (damaged or frame.is_corrupt) and not (frame.key_frame and not frame.is_corrupt)
        if frame.pts is None:
            time = count / Fraction(stream.average_rate or stream.guessed_rate or 25)
        else:
            assert stream.time_base is not None
            time = frame.pts * stream.time_base
        if not damaged and (before is None or time > before):
            before = time
            yield time, frame
