"""How a mouth moves for a recording, whole or as a stream: frames as soon as the sound 0.2 s after them is known."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from emo.articulation.features import HOP, SAMPLE_RATE, WINDOW, LogMel, log_mel, mel_filters, silence
from emo.articulation.mouth import MEASURES, Mouth
from emo.articulation.network import STEP, ArticulationNetwork, load_articulation
from emo.articulation.sounds import ROUNDED, SHUT, SOUNDS, TEETH
from emo.errors import AudioError

PIECE = 30 * SAMPLE_RATE  # samples of a whole recording heard at a time, which bounds memory
STEPS_PER_SECOND = SAMPLE_RATE / (HOP * STEP)


class Articulator:
    """Moves a mouth to any voice.

    Args:
        network: what hears; the bundled one by default.
    """

    def __init__(self, network: ArticulationNetwork | None = None):
        self.network = network or load_articulation()
        self.filters = mel_filters(self.network.mels)

    @property
    def look_ahead(self) -> float:
        """Seconds of sound after the middle of a frame that the frame hears at most."""
        return (self.network.after * HOP + WINDOW / 2) / SAMPLE_RATE + 1 / STEPS_PER_SECOND

    def __call__(self, waveform: np.ndarray, fps: float = 25.0) -> Mouth:
        """Move the mouth to a whole recording.

        Args:
            waveform: (N,) mono at 16 kHz, -1 to 1.
            fps: frames per second.

        Returns:
            ceil(N * fps / 16000) frames.

        Raises:
            AudioError: the waveform is empty, not one-dimensional or not finite.
            ValueError: `fps` is not positive.
        """
        stream = self.stream(fps)
        pieces = [stream.push(waveform[start : start + PIECE]) for start in range(0, len(waveform), PIECE)]
        if not pieces:
            raise AudioError("the recording is empty")
        return Mouth.join([*pieces, stream.finish()])

    def sounds(self, waveform: np.ndarray) -> np.ndarray:
        """Shares (T, sounds) of SOUNDS in what is heard every 20 ms of a whole recording.

        Raises:
            AudioError: as for a call.
        """
        features = log_mel(_checked(waveform), self.filters)
        with torch.inference_mode():
            _, sounds = self.network(self.network.pad(features[None], silence(self.network.mels)))
        return sounds.softmax(1)[0].T.numpy()

    def stream(self, fps: float = 25.0) -> "ArticulationStream":
        """A mouth for one sound that arrives piece by piece.

        Raises:
            ValueError: `fps` is not positive.
        """
        return ArticulationStream(self, fps)


class ArticulationStream:
    """The mouth of one sound that arrives piece by piece; frames are the same whatever the pieces."""

    def __init__(self, articulator: Articulator, fps: float):
        if not fps > 0:
            raise ValueError(f"fps must be positive, not {fps}")
        self._network, self._fps = articulator.network, fps
        self._front = LogMel(articulator.filters)
        self._features = self._silence(self._network.before)
        self._samples = 0
        self._frames = 0  # given so far
        self._steps = np.zeros((0, len(MEASURES) + len(SOUNDS)), np.float32)
        self._first_step = 0  # index of the first one kept

    def push(self, samples: np.ndarray) -> Mouth:
        """The frames that are settled with these samples, (N,) mono at 16 kHz; often none.

        Raises:
            AudioError: the samples are not one-dimensional or not finite.
        """
        samples = _checked(samples)
        self._samples += len(samples)
        self._hear(self._front.push(samples))
        # Frame i lies between two steps; both must be known.
        known = self._first_step + len(self._steps) - 1
        return self._give(int(np.floor(known / STEPS_PER_SECOND * self._fps - 0.5 + 1e-9)) + 1)

    def finish(self) -> Mouth:
        """The remaining frames, once the sound has ended."""
        self._hear(torch.cat([self._front.finish(), self._silence(self._network.after + STEP)], 1))
        return self._give(int(-(-self._samples * self._fps // SAMPLE_RATE)))

    def _silence(self, hops: int) -> Tensor:
        return silence(self._network.mels)[:, None].expand(-1, hops)

    def _hear(self, features: Tensor) -> None:
        """Add the network's steps for new features (mels, n)."""
        self._features = torch.cat([self._features, features], 1)
        around = self._network.before + self._network.after
        count = (self._features.shape[1] - around - 1) // STEP + 1
        if count < 1:
            return
        with torch.inference_mode():
            mouth, sounds = self._network(self._features[None, :, : around + STEP * (count - 1) + 1])
        steps = torch.cat([mouth, sounds.softmax(1)], 1)[0].T.numpy()
        self._features = self._features[:, STEP * count :]
        self._steps = np.concatenate([self._steps, steps])

    def _give(self, stop: int) -> Mouth:
        """Frames up to `stop` that were not given yet, between the steps by a straight line."""
        frames = np.arange(self._frames, max(stop, self._frames))
        at = np.maximum((frames + 0.5) / self._fps * STEPS_PER_SECOND - self._first_step, 0)
        low = np.minimum(np.floor(at).astype(int), len(self._steps) - 1)
        high = np.minimum(low + 1, len(self._steps) - 1)
        share = (at - low).clip(0, 1)[:, None].astype(np.float32)
        rows = self._steps[low] * (1 - share) + self._steps[high] * share
        self._frames += len(frames)
        if len(frames):
            done = int(low[-1])
            self._steps, self._first_step = self._steps[done:], self._first_step + done
        return self._mouth(rows)

    def _mouth(self, rows: np.ndarray) -> Mouth:
        """From rows of standardized measures and shares of the sounds to a mouth."""
        calibration = self._network.calibration
        measures = calibration.measures(rows[:, : len(MEASURES)])
        heard = rows[:, len(MEASURES) :]
        columns = dict(zip(MEASURES, measures.T, strict=True))
        shut = calibration.shut(heard[:, SHUT])
        columns["opening"] = np.maximum(columns["opening"], 0) * (1 - shut)
        weights = np.array([ROUNDED.get(sound, 0.0) for sound in SOUNDS], np.float32)
        return Mouth(
            **columns, lips_shut=heard[:, SHUT], teeth_on_lip=heard[:, TEETH], rounding=heard @ weights
        )  # fmt: skip


@cache
def shared_articulator() -> Articulator:
    """The bundled one, loaded once in a process."""
    return Articulator()


def _checked(samples: np.ndarray) -> np.ndarray:
    samples = np.asarray(samples, np.float32)
    if samples.ndim != 1 or not np.isfinite(samples).all():
        raise AudioError(f"a recording must be finite and mono, not of shape {samples.shape} or with NaN in it")
    return samples
