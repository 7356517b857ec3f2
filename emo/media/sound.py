"""The sound of a file as a player plays it: which track, what stands when, and what of several channels is heard.

Everything that reads sound comes here, so that the mouth is driven by what the video plays. docs/media.md lists what
is done about tracks, channels, gaps and damage.
"""

import logging
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from emo.errors import AudioError
from emo.media.demuxer import Media

if TYPE_CHECKING:
    from av import AudioFrame

DRIFT = Fraction(1, 25)  # seconds by which sound may leave its timestamps before it is put back: containers round them
MAX_SILENCE = 600  # seconds of pauses that are filled in, in all; timestamps that want more are damaged
MAX_OVERLAP = Fraction(1, 2)  # seconds that timestamps may step back; by more they have begun anew
MAX_RATE = 768_000  # Hz
OUT_OF_PHASE = 0.05  # power of the channels' mean over their own mean power: with less they cancel each other
AUDIBLE = 1e-9  # mean power, -90 dB
MAX_PLANES = 7  # of a frame whose channels PyAV may count: with eight or more it reads beyond the end and crashes
WINDOW = 1  # seconds within which the channels' phase is looked at

Block = tuple[np.ndarray, int, str]
"""Some sound: float32 (channels, n), samples per second, and the layout of the channels."""

logger = logging.getLogger(__name__)


def frames_of(media: Media, *, quiet: bool = False) -> "Iterator[AudioFrame]":
    """Every frame of the file's sound that decodes, of a usable rate, from where its container stands.

    Damaged packets are left out; the clock tells what is missing.

    Args:
        media: a file with sound.
        quiet: say nothing of damage in the log.
    """
    assert media.sound is not None
    skipped = 0
    seconds = 0.0

    def skip() -> None:
        nonlocal skipped
        skipped += 1

    for frame in media.decoded(media.sound, skip):
        if 0 < frame.sample_rate <= MAX_RATE and frame.samples:
            seconds += frame.samples / frame.sample_rate
            yield frame
    if quiet:
        return
    if media.cut_off is not None:
        logger.warning("%s", _cut_off(media, seconds))
    if skipped:
        logger.warning("%s is damaged; %d packets of its sound were left out", media.path, skipped)


def _cut_off(media: Media, seconds: float) -> str:
    from av.error import PatchWelcomeError

    if isinstance(media.cut_off, PatchWelcomeError):
        return (
            f"{media.path} changes its channels or its sampling rate at {seconds:.1f} s, which its kind of file does "
            "not allow here; what comes before is used: convert it to WAV or FLAC for the rest"
        )
    return f"{media.path} is cut off or damaged; what comes before the damage is used"


class Clock:
    """Where on a track of sound frames stand, by their timestamps, in samples.

    Timestamps that are off by no more than DRIFT are rounding, and sound goes on without a seam. A pause between them
    stays a pause; where they step back, what has been played is not played again, unless they have begun anew.

    Args:
        rate: samples per second.
        origin: seconds, of the stream's clock, that stand at sample 0; by default the first frame's.
    """

    def __init__(self, rate: int, origin: Fraction | None = None):
        self.rate, self.origin = rate, origin
        self.place = 0 if origin is None else None  # where the next sample is expected
        self._silence = 0

    def put(self, frame: "AudioFrame") -> tuple[int, int]:
        """The place of a frame, and how many of its samples have been played by then."""
        place = self.place or 0
        late = 0
        if frame.pts is not None:
            assert frame.time_base is not None
            stated = frame.pts * frame.time_base
            if self.origin is None:
                self.origin = stated - Fraction(place, self.rate)
            at = round((stated - self.origin) * self.rate)
            if self.place is None:  # the first on another clock
                place = at
            elif at - place > DRIFT * self.rate:
                if self._silence + at - place <= MAX_SILENCE * self.rate:
                    self._silence += at - place
                    place = at
                else:
                    self.origin = stated - Fraction(place, self.rate)
            elif place - at > MAX_OVERLAP * self.rate:
                self.origin = stated - Fraction(place, self.rate)
            elif place - at > DRIFT * self.rate:
                late = min(place - at, frame.samples)
        self.place = place + frame.samples - late
        return place, late


def sound_blocks(media: Media, *, quiet: bool = False) -> Iterator[Block]:
    """The sound of a file from its own start.

    Pauses between timestamps are silence. Channels, and their number, may change from block to block.

    Args:
        media: the file.
        quiet: say nothing of damage in the log.

    Raises:
        AudioError: there is no sound track, or its codec is unknown; the sampling rate changes.
    """
    if not media.num_sounds:
        raise AudioError(f"{media.path} has no sound track; give a recording")
    if media.sound is None:
        raise AudioError(f"{media.path} has sound of an unknown codec; convert it to WAV, FLAC or MP3 first")
    clock: Clock | None = None
    length = 0
    last: Block | None = None
    for frame in frames_of(media, quiet=quiet):
        clock = clock or Clock(frame.sample_rate)
        if frame.sample_rate != clock.rate:
            raise AudioError(
                f"{media.path} changes its sampling rate from {clock.rate} to {frame.sample_rate} Hz; convert it first"
            )
        place, late = clock.put(frame)
        if last is not None:
            yield last
        samples = samples_of(frame)[:, late:]
        layout = frame.layout.name
        for start in range(length, place, clock.rate):  # a pause, a second at a time
            pause = np.zeros((len(samples), min(place, start + clock.rate) - start), np.float32)
            yield pause, clock.rate, layout
        last, length = (samples, clock.rate, layout), place + samples.shape[1]
    if last is not None and clock is not None:
        # The mp4 family states its length to the sample; what AAC pads its last packet with lies beyond it.
        if "mp4" in media.format and media.sound.duration:
            assert media.sound.time_base is not None
            padding = length - round(media.sound.duration * media.sound.time_base * clock.rate)
            if 0 < padding < last[0].shape[1]:
                last = last[0][:, :-padding], *last[1:]
        yield last


def samples_of(frame: "AudioFrame") -> np.ndarray:
    """A frame's samples, float32 (channels, n), -1 to 1 at full scale."""
    if frame.format.is_planar and frame.layout.nb_channels > MAX_PLANES:
        import av

        packer = av.AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate)
        return np.concatenate([samples_of(part) for part in packer.resample(frame)], axis=1)
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    return unit_scale(samples)


def unit_scale(samples: np.ndarray) -> np.ndarray:
    """Samples of any type as float32; integers are scaled from their full range to -1 ... 1."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    half = 1 << (samples.dtype.itemsize * 8 - 1)
    scaled = samples.astype(np.float64) / half
    return (scaled - 1 if samples.dtype.kind == "u" else scaled).astype(np.float32)


def mono(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Blocks (channels, n) of a sound as what one ear hears of it, (n,): the mean of its channels.

    Where channels are of opposite phase, so that their mean is next to silence, one of them is taken. That is looked
    at second by second.
    """
    window: list[np.ndarray] = []
    length = 0
    for block in blocks:
        if window and len(block) != len(window[0]):
            yield _mix(np.concatenate(window, axis=1))
            window, length = [], 0
        while block.shape[1]:
            part, block = np.split(block, [WINDOW * rate - length], axis=1)
            window.append(part)
            length += part.shape[1]
            if length == WINDOW * rate:
                yield _mix(np.concatenate(window, axis=1))
                window, length = [], 0
    if window:
        yield _mix(np.concatenate(window, axis=1))


def _mix(channels: np.ndarray) -> np.ndarray:
    mean = channels.mean(axis=0, dtype=np.float64)
    if len(channels) > 1:
        powers = np.square(channels, dtype=np.float64).mean(axis=1)
        if powers.mean() > AUDIBLE and np.square(mean).mean() < OUT_OF_PHASE * powers.mean():
            return channels[np.argmax(powers > powers.max() / 2)]  # the first of the loud ones
    return mean.astype(np.float32)


def at_most_two(samples: np.ndarray, rate: int, layout: str) -> np.ndarray:
    """Samples (channels, n) in as many channels as a video is given, (1 or 2, n): of surround sound the stereo mix."""
    if len(samples) <= 2:
        return samples
    import av
    from av.error import FFmpegError

    if layout == f"{len(samples)} channels":
        layout = f"{len(samples)}c"  # which says nothing: ffmpeg's default for that number
    try:
        mixer = av.AudioResampler(format="fltp", layout="stereo", rate=rate)  # the same rate: no filter, no delay
        # Packed: see MAX_PLANES.
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T.reshape(1, -1)), format="flt", layout=layout)
        frame.sample_rate = rate
        return np.concatenate([part.to_ndarray() for part in mixer.resample(frame)], axis=1)
    except (FFmpegError, ValueError):  # a layout that has no stereo mix
        return samples.mean(axis=0, keepdims=True)
