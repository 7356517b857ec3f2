"""The audio encoder of a model without pretrained parts: a small wav2vec 2.0 that learns to hear, in noisy synthetic
speech, what moves a mouth. Of its heads nothing is kept; all stages leave it as it is.

    accelerate launch train/audio_encoder.py --config configs/train/emo-tiny/audio_encoder.yaml
"""

import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from accelerate import Accelerator
from omegaconf import MISSING
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.bounds import SHARE, Name, Numbers
from emo.data import StepSampler
from emo.errors import WeightsError, first_line
from emo.hub import build_audio_encoder, load_model_config
from emo.search import find_files
from emo.training.config import BATCH, WORKERS, LoopConfig, load_settings, run
from emo.training.loader import sample_loader
from emo.training.loop import make_accelerator, train
from emo.training.speech_samples import HELD_OUT, MOUTH, SpeechBatch, SpeechSamples, StateTimes

RECORDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac")
DEVIATION = (0.24, 0.33, 0.31)  # of jaw, width and rounding in synthetic speech: what makes their errors comparable
AT_ONCE = 8  # sounds, where nothing is learned from them


@dataclass
class DataConfig:
    """What is heard; see `SpeechSamples`. speech: folder of recordings, of which log-mel alone is learned."""

    seconds: Annotated[float, Numbers(0.1, 600)] = 3.0
    utterances: Annotated[int, Numbers(1, 10**7)] = 512
    noise_share: Annotated[float, SHARE] = 0.5
    speech: Annotated[str | None, Name()] = None
    speech_share: Annotated[float, SHARE] = 0.3
    batch_size: Annotated[int, BATCH] = 8
    workers: Annotated[int, WORKERS] = 1


@dataclass
class StartConfig:
    """config: of the model whose audio encoder it is. init: folder of a trained one to go on from."""

    config: Annotated[str, Name()] = MISSING
    init: Annotated[str | None, Name()] = None


@dataclass
class LossConfig:
    """mel_bins: bands. mouth: weight of jaw, width and rounding against all bands together."""

    mel_bins: Annotated[int, Numbers(1, 128)] = 32  # more would leave bands without a frequency
    mouth: Annotated[float, Numbers(0, 1e4)] = 2.0


@dataclass
class AudioEncoderConfig:
    """All options. validated: utterances."""

    data: DataConfig = field(default_factory=DataConfig)
    model: StartConfig = field(default_factory=StartConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: LoopConfig = field(default_factory=LoopConfig)
    validated: Annotated[int, Numbers(1, 10**6)] = 32


class AudioNetworks(nn.Module):
    """The encoder, and on each hidden state a linear head: EMO's audio projection reads the states of all blocks."""

    def __init__(self, encoder: Wav2Vec2Model, outputs: int):
        super().__init__()
        self.encoder = encoder
        config = encoder.config
        self.heads = nn.ModuleList(nn.Linear(config.hidden_size, outputs) for _ in range(config.num_hidden_layers))
        for name, parameter in encoder.named_parameters():
            parameter.requires_grad_(name != "masked_spec_embed")  # no part of any result

    def train(self, mode: bool = True) -> "AudioNetworks":
        """Always without wav2vec's dropout and masking, whose draws would not be the samples' own."""
        return super().train(False)

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, N) → what the heads make of every state, (B, layers, S, outputs)."""
        states = self.encoder(waveform, output_hidden_states=True).hidden_states[1:]
        return torch.stack([head(state) for head, state in zip(self.heads, states, strict=True)], dim=1)


class AudioEncoderStage:
    """See `emo.training.loop.Stage`."""

    def __init__(self, config: AudioEncoderConfig, accelerator: Accelerator):
        self.config, self.seed, self.batch_size = config, config.train.seed, config.data.batch_size
        self.device = accelerator.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = load_model_config(config.model.config)
            encoder = _load(config.model.init) if config.model.init else build_audio_encoder(model)
            self.networks = AudioNetworks(encoder, config.loss.mel_bins + len(MOUTH))
        kernels, strides = encoder.config.conv_kernel, encoder.config.conv_stride
        reach = [(kernel - 1) * math.prod(strides[:i]) for i, kernel in enumerate(kernels)]
        self.times = StateTimes(hop=math.prod(strides), field=1 + sum(reach))
        speech = config.data.speech
        self.recordings = find_files(Path(speech), RECORDINGS, "data.speech") if speech else []

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        return [{"params": [p for p in self.networks.parameters() if p.requires_grad], "lr": learning_rate}]

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data = self.config.data
        samples = SpeechSamples(
            self.times,
            self.seed,
            data.seconds,
            data.utterances,
            self.config.loss.mel_bins,
            noise_share=data.noise_share,
            recordings=self.recordings,
            recorded_share=data.speech_share,
        )
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        return sample_loader(samples, SpeechBatch.collate, sampler, data.workers)

    def loss(self, networks: nn.Module, batch: SpeechBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared errors of all heads: of log-mel, and of the mouth where it is known."""
        found, bins = networks(batch.waveform).float(), self.config.loss.mel_bins
        mel = (found[..., :bins] - batch.mel[:, None]).square().mean()
        error = (found[..., bins:] - batch.mouth[:, None]) / found.new_tensor(DEVIATION)
        mouth = (error.square().mean(dim=(1, 2, 3)) * batch.articulated).mean()
        return mel + self.config.loss.mouth * mouth, {"mel": mel, "mouth": mouth}

    def describe(self, batch: SpeechBatch) -> str:
        return ", ".join(f"{name} (sample {g})" for name, g in zip(batch.names, batch.index.tolist(), strict=True))

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """The encoder without its heads, and the feature extractor that belongs to it."""
        encoder = Wav2Vec2Model(self.networks.encoder.config)
        prefix = "encoder."
        encoder.load_state_dict(
            {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        )
        encoder.save_pretrained(folder)
        Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)

    def validate(self, networks: AudioNetworks, folder: Path) -> dict[str, float]:
        """In `scores.json` correlation of jaw, width and rounding with the truth on utterances never trained on, from
        the last layer on clean and on noisy sound, and from every layer on clean sound; the former are logged."""
        clean, noisy = self.correlations(networks, clean=True), self.correlations(networks, clean=False)
        named = lambda row: dict(zip(MOUTH, row, strict=True))
        scores = {"clean": named(clean[-1]), "noisy": named(noisy[-1]), "layers": [named(row) for row in clean]}
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return {f"{kind}/{part}": r for kind in ("clean", "noisy") for part, r in scores[kind].items()}

    def correlations(self, networks: AudioNetworks, *, clean: bool) -> list[list[float]]:
        """Pearson's r per layer and part of the mouth; not clean: in a room, with noise 0 to 40 dB below."""
        bins = self.config.loss.mel_bins
        samples = SpeechSamples(
            self.times,
            self.seed,
            self.config.data.seconds,
            self.config.validated,
            bins,
            noise_share=0.0 if clean else 1.0,
            clean=clean,
            pool=HELD_OUT,
        )
        found, true = [], []
        for start in range(0, self.config.validated, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, self.config.validated))
            batch = SpeechBatch.collate([samples[g] for g in numbers])
            heard = networks(batch.waveform.to(self.device)).float().cpu()
            found.append(heard[..., bins:].transpose(0, 1).flatten(1, 2))  # (layers, B·S, 3)
            true.append(batch.mouth.flatten(0, 1))
        found, true = torch.cat(found, dim=1).double().numpy(), torch.cat(true).double().numpy()
        return [[float(np.corrcoef(layer[:, k], true[:, k])[0, 1]) for k in range(len(MOUTH))] for layer in found]


def _load(folder: str) -> Wav2Vec2Model:
    try:
        return Wav2Vec2Model.from_pretrained(folder, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{folder}: no audio encoder could be loaded ({first_line(error)})") from error


def main() -> int:
    config, resume = load_settings(AudioEncoderConfig, description=__doc__)
    accelerator = make_accelerator(config.train)
    return train(AudioEncoderStage(config, accelerator), config.train, accelerator, resume)


if __name__ == "__main__":
    sys.exit(run(main))
