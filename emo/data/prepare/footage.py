"""A video at a constant rate: frames by their times, from any container, and the sound in step with them."""

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from emo.errors import VideoError
from emo.media import AudioTrack, as_fps
from emo.media.files import require_file

SAMPLE_RATE = 16000
MAX_HOLD = 0.5  # seconds that a frame is shown for at most: after that the picture counts as missing
PRE_ROLL = 0.5  # seconds of sound decoded before those asked for: codecs need a running start
DRIFT = 0.02  # seconds by which sound may leave its timestamps before it is put back: containers round them
MAX_RATE = 768_000  # Hz of a sound track

logging.getLogger("libav").setLevel(logging.CRITICAL)  # what is damaged is told by the report


class Footage:
    """A video as frames 0, 1, … of a constant rate, upright, and its sound on the same clock.

    Frame i is the picture shown at (i + ½) / fps after the video's first one. Damaged pictures are left out up to the
    next that stands alone; what is left out for longer than MAX_HOLD is missing.

    Attributes: path, fps (exact), height, width, has_audio.

    Raises:
        VideoError: the file is missing, empty, not media, or without a picture that can be decoded.
    """

    def __init__(self, path: Path, fps: float | Fraction):
        import av
        from av.error import FFmpegError

        self.path, self.fps = Path(path), as_fps(fps)
        require_file(self.path, VideoError)
        try:
            with av.open(f"file:{path}") as container:
                if not container.streams.video:
                    raise VideoError(f"{path} has no video track; give a video")
                self.has_audio = any(stream.codec_context is not None for stream in container.streams.audio)
                self._rate = container.streams.video[0].average_rate
                self._origin, first = next(self._decoded(container), (None, None))
        except FFmpegError as error:
            raise VideoError(f"{path} is not a video this program can read ({error.strerror})") from error
        except (OverflowError, MemoryError, UnicodeDecodeError) as error:
            raise VideoError(f"{path} is damaged ({error})") from error
        if first is None or not self._rate:
            raise VideoError(f"{path} holds no frames that can be decoded; check that it plays")
        self._timed = first.pts is not None
        self._turns = first.rotation // 90
        self._size = first.width, first.height
        self.width, self.height = self._size[:: -1 if self._turns % 2 else 1]

    def frames(self, start: int, stop: int) -> Iterator[np.ndarray | None]:
        """Frames `start` to `stop`, or as many as there are: uint8 (height, width, 3) RGB; None for missing ones."""
        number, shown, picture, since = start, None, None, None

        def hold(until: Fraction) -> Iterator[np.ndarray | None]:
            nonlocal number, picture
            while shown is not None and number < stop and self._centre(number) < until:
                late = self._centre(number) > since + MAX_HOLD
                if picture is None and not late:
                    picture = self._picture(shown)
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

    def _centre(self, number: int) -> Fraction:
        return (number + Fraction(1, 2)) / self.fps

    def _picture(self, frame: object) -> np.ndarray:
        width, height = self._size  # a stream that changes its size is scaled back
        picture = frame.to_ndarray(format="rgb24", width=width, height=height)
        return np.ascontiguousarray(np.rot90(picture, self._turns))

    def _from(self, start: int) -> Iterator[tuple[Fraction, object]]:
        """Times after the first frame, and frames, from the one shown at frame `start` on or earlier."""
        import av

        with av.open(f"file:{self.path}") as container:
            stream = container.streams.video[0]
            if start and self._timed:
                target = self._centre(start)
                container.seek(int((target + self._origin) / stream.time_base), stream=stream)
                frames = self._decoded(container)
                time, frame = next(frames, (None, None))
                if frame is not None and time - self._origin <= target:
                    yield time - self._origin, frame
                    yield from ((time - self._origin, frame) for time, frame in frames)
                    return
        with av.open(f"file:{self.path}") as container:
            yield from ((time - self._origin, frame) for time, frame in self._decoded(container))

    def _decoded(self, container: object) -> Iterator[tuple[Fraction, object]]:
        """Times by the file's clock, ascending, and frames; after damage none until one that stands alone."""
        from av.error import FFmpegError

        stream = container.streams.video[0]
        stream.thread_type = "NONE"  # all cores have videos of their own
        packets, damaged, count, before = container.demux(stream), False, 0, None
        while True:
            try:
                packet = next(packets, None)
                frames = packet.decode() if packet is not None else None
            except FFmpegError:
                if packet is None:
                    return
                damaged, packet = True, None
                continue
            if frames is None:
                return
            for frame in frames:
                damaged = (damaged or frame.is_corrupt) and not (frame.key_frame and not frame.is_corrupt)
                if frame.pts is None:
                    time = count / Fraction(stream.average_rate or 25)
                else:
                    time = frame.pts * stream.time_base
                count += 1
                if not damaged and (before is None or time > before):
                    before = time
                    yield time, frame

    def _samples(self, start: Fraction, stop: Fraction) -> tuple[np.ndarray, int]:
        """Mono samples from `start` to `stop` seconds after the first frame at the file's own rate, and that rate."""
        import av

        samples, rate, place = None, SAMPLE_RATE, None
        with av.open(f"file:{self.path}") as container:
            stream = next(stream for stream in container.streams.audio if stream.codec_context is not None)
            begin = start + self._origin - Fraction(PRE_ROLL)
            if begin > (stream.start_time or 0) * stream.time_base:  # FLV is at its end after a seek before the start
                container.seek(int(begin / stream.time_base), stream=stream)
            for frame in _sound_frames(container, stream):
                if samples is None:
                    rate = frame.sample_rate
                    samples = np.zeros(max(1, round((stop - start) * rate)), np.float32)
                if frame.sample_rate != rate:
                    break
                if frame.pts is not None:
                    stated = round((frame.pts * stream.time_base - self._origin - start) * rate)
                    place = stated if place is None or abs(stated - place) > DRIFT * rate else place
                place = place or 0
                if place >= len(samples):
                    break
                block = _mono(frame)
                into = samples[max(place, 0) : max(place + len(block), 0)]
                into[:] = block[max(-place, 0) :][: len(into)]
                place += len(block)
        if samples is None:
            samples = np.zeros(max(1, round((stop - start) * rate)), np.float32)
        return np.nan_to_num(samples, posinf=0, neginf=0).clip(-1, 1), rate


def _sound_frames(container: object, stream: object) -> Iterator[object]:
    """Every frame of sound that decodes, of a usable rate."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except FFmpegError:
            continue
        yield from (frame for frame in frames if 0 < frame.sample_rate <= MAX_RATE and frame.samples)


def _mono(frame: object) -> np.ndarray:
    """The mean of a frame's channels, float32 (N,): libswresample's own mono is louder."""
    import av

    plain = av.AudioResampler(format="fltp", layout=frame.layout, rate=frame.sample_rate)
    return np.concatenate([part.to_ndarray().mean(0) for part in plain.resample(frame)])
