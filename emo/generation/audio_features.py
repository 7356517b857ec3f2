"""wav2vec 2.0 hidden states of a recording, one per video frame, at the cost of a few seconds' worth of memory."""

import math
from fractions import Fraction

import torch
from transformers import SequenceFeatureExtractor, Wav2Vec2Model

from emo.media import AudioTrack
from emo.unets import cut_windows

CHUNK_SECONDS = 8
CONTEXT_SECONDS = 1


class AudioFeatures:
    """The audio representation A^(f) of every frame (3.2.2), computed chunk by chunk as frames are asked for.

    The recording is encoded in fixed chunks of 8 s from its start, each with 1 s of context on both sides, and
    normalized by the statistics of the whole file, so that a frame's features do not depend on where a clip begins.

    Args:
        track: the recording.
        encoder, feature_extractor: wav2vec 2.0 and its settings.
        fps: video frames per second.
        num_frames: T, video frames in all.
    """

    def __init__(
        self,
        track: AudioTrack,
        encoder: Wav2Vec2Model,
        feature_extractor: SequenceFeatureExtractor,
        fps: Fraction,
        num_frames: int,
    ):
        self.track, self.encoder, self.fps, self.num_frames = track, encoder, fps, num_frames
        self.normalize = feature_extractor.do_normalize
        self.rate = feature_extractor.sampling_rate
        kernels, strides = encoder.config.conv_kernel, encoder.config.conv_stride
        self.hop = math.prod(strides)  # samples from one hidden state to the next: 20 ms
        self.field = 1 + sum(
            (k - 1) * math.prod(strides[:i]) for i, k in enumerate(kernels)
        )  # samples one sees: 25 ms
        self.num_chunks = max(1, math.ceil(track.length / (CHUNK_SECONDS * self.rate)))
        self._chunks: dict[int, torch.Tensor] = {}

    def windows(self, start: int, stop: int, num_neighbors: int) -> torch.Tensor:
        """Features of the frames `start … stop−1` with ±m neighbors, (1, stop − start, 2m+1, layers, width).

        Frames beyond the end of the recording, in the padded last clip, repeat its last one.
        """
        last = self.num_frames - 1
        low, high = max(0, min(start, last) - num_neighbors), min(last, stop + num_neighbors)
        wanted = range(self._chunk_of(low), self._chunk_of(high) + 1)
        self._chunks = {k: self._chunks[k] if k in self._chunks else self._encode(k) for k in wanted}
        frames = torch.cat([self._chunks[k] for k in wanted])
        first = self._frames_of(wanted[0]).start
        return cut_windows(frames[None], num_neighbors, start - first, stop - first)

    def _chunk_of(self, frame: int) -> int:
        """The chunk that holds a frame's center."""
        return min(math.floor((frame + Fraction(1, 2)) / self.fps / CHUNK_SECONDS), self.num_chunks - 1)

    def _frames_of(self, chunk: int) -> range:
        """The frames whose center lies in a chunk; the last chunk takes all that are left."""
        border = lambda k: max(0, math.ceil(k * CHUNK_SECONDS * self.fps - Fraction(1, 2)))
        return range(border(chunk), self.num_frames if chunk == self.num_chunks - 1 else border(chunk + 1))

    def _encode(self, chunk: int) -> torch.Tensor:
        """Hidden states of all blocks at the centers of a chunk's frames, (frames, layers, width)."""
        start = max(0, chunk * CHUNK_SECONDS - CONTEXT_SECONDS) * self.rate
        stop = min(self.track.length, ((chunk + 1) * CHUNK_SECONDS + CONTEXT_SECONDS) * self.rate)
        samples = torch.from_numpy(self.track.read(start, stop))
        if self.normalize:
            samples = (samples - self.track.mean) / math.sqrt(self.track.variance + 1e-7)
        if len(samples) < self.field:
            samples = torch.nn.functional.pad(samples, (0, self.field - len(samples)))
        samples = samples[None].to(self.encoder.device, self.encoder.dtype)
        states = torch.cat(self.encoder(samples, output_hidden_states=True).hidden_states[1:]).transpose(0, 1)

        # State j sees the samples j·hop … j·hop + field; frame i's center lies at (i + ½) / fps.
        centers = [(frame + Fraction(1, 2)) / self.fps * self.rate - start for frame in self._frames_of(chunk)]
        position = torch.tensor([float((center - Fraction(self.field, 2)) / self.hop) for center in centers])
        position = position.clamp(0, len(states) - 1).to(states.device)
        below = position.floor().long()
        above = (below + 1).clamp(max=len(states) - 1)
        weight = (position - below)[:, None, None]
        return torch.lerp(states[below].float(), states[above].float(), weight).to(states.dtype)
