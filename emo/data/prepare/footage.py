"""A video at a constant rate: frames by their times, from any container, and the sound in step with them."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from emo.errors import VideoError
from emo.media import AudioTrack, as_fps
from emo.media.demuxer import Media
from emo.media.picture import PictureForm
from emo.media.sound import Clock, frames_of, mono, samples_of

SAMPLE_RATE = 16000
MAX_HOLD = 0.5  # seconds that a frame is shown for at most: after that the picture counts as missing
PRE_ROLL = 0.5  # seconds of sound decoded before those asked for: codecs need a running start

logging.getLogger("libav").setLevel(logging.CRITICAL)  # what is damaged is told by the report


class Footage:
    """A video as frames 0, 1, … of a constant rate, as players show them, and its sound on the same clock.

    Frame i is the picture shown at (i + ½) / fps after the video's first one. Damaged pictures are left out up to the
    next that stands alone; what is left out for longer than MAX_HOLD is missing.

    Attributes: path, fps (exact), height, width, has_audio.

    Raises:
        VideoError: the file is missing, empty, not media, or without a picture that can be decoded.
    """

    def __init__(self, path: Path, fps: float | Fraction):
        self.path, self.fps = Path(path), as_fps(fps)
        with Media(self.path, VideoError) as media:
            if media.video is None:
                raise VideoError(f"{path} has no video track; give a video")
            self.has_audio = media.sound is not None
            self._rate = media.video.average_rate or media.video.guessed_rate
            self._origin, first = next(self._decoded(media), (None, None))
            if first is None or not self._rate:
                raise VideoError(f"{path} holds no frames that can be decoded; check that it plays")
            self._form = PictureForm.of(media, first)
        self._timed = first.pts is not None
        self.width, self.height = self._form.size

    def frames(self, start: int, stop: int) -> Iterator[np.ndarray | None]:
        """Frames `start` to `stop`, or as many as there are: uint8 (height, width, 3) RGB; None for missing ones."""
        number, shown, picture, since = start, None, None, None

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
            shown, picture, since = frame, None, time
        if shown is not None:
            yield from hold(since + 1 / self._rate)

    def sound(self, start: int, stop: int) -> np.ndarray:
        """The sound of frames `start` to `stop`, mono float32 at 16 kHz; silence where there is none."""
        first, last = (round(number / self.fps * SAMPLE_RATE) for number in (start, stop))
        samples, rate = self._samples(Fraction(first, SAMPLE_RATE), Fraction(last, SAMPLE_RATE))
        with AudioTrack.open((samples, rate), SAMPLE_RATE) as track:
            sound = track.read(0, min(track.length, last - first))
        return np.pad(sound, (0, last - first - len(sound)))

    def _center(self, number: int) -> Fraction:
        return (number + Fraction(1, 2)) / self.fps

    def _from(self, start: int) -> Iterator[tuple[Fraction, object]]:
        """Times after the first frame, and frames, from the one shown at frame `start` on or earlier."""
        with Media(self.path, VideoError) as media:
            if start and self._timed:
                target = self._center(start)
                media.container.seek(int((target + self._origin) / media.video.time_base), stream=media.video)
                frames = self._decoded(media)
                time, frame = next(frames, (None, None))
                if frame is not None and time - self._origin <= target:
                    yield time - self._origin, frame
                    yield from ((time - self._origin, frame) for time, frame in frames)
                    return
        with Media(self.path, VideoError) as media:
            yield from ((time - self._origin, frame) for time, frame in self._decoded(media))

    def _decoded(self, media: Media) -> Iterator[tuple[Fraction, object]]:
        """Times by the file's clock, ascending, and frames; after damage none until one that stands alone."""
        from av.error import FFmpegError

        stream = media.video
        stream.thread_type = "NONE"  # all cores have videos of their own
        damaged, count, before = False, 0, None
        for packet in media.packets(stream):
            try:
                frames = packet.decode()
            except FFmpegError:
                damaged = True
                continue
            for frame in frames:
                damaged = (damaged or frame.is_corrupt) and not (frame.key_frame and not frame.is_corrupt)
                if frame.pts is None:
                    time = count / Fraction(stream.average_rate or stream.guessed_rate or 25)
                else:
                    time = frame.pts * stream.time_base
                count += 1
                if not damaged and (before is None or time > before):
                    before = time
                    yield time, frame

    def _samples(self, start: Fraction, stop: Fraction) -> tuple[np.ndarray, int]:
        """Mono samples from `start` to `stop` seconds after the first frame at the file's own rate, and that rate."""
        blocks, clock, length = [], None, 0
        with Media(self.path, VideoError) as media:
            stream = media.sound
            begin = start + self._origin - Fraction(PRE_ROLL)
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
        sound = np.concatenate([*mono(blocks, rate), np.zeros(0, np.float32)])[: max(1, round((stop - start) * rate))]
        sound = np.pad(sound, (0, max(1, round((stop - start) * rate)) - len(sound)))
        return np.nan_to_num(sound, posinf=0, neginf=0).clip(-1, 1), rate
