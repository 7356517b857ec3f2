"""The audio encoder of a model without pretrained parts: a small wav2vec 2.0 that learns to hear, in noisy synthetic
speech, what moves a mouth. Of its heads nothing is kept."""

import json
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.data import StepSampler
from emo.errors import WeightsError, first_line
from emo.generation.audio_features import receptive_field
from emo.hub import build_audio_encoder, load_model_config
from emo.search import find_files
from emo.training.audio_encoder.config import AudioEncoderTrainingConfig
from emo.training.audio_encoder.samples import HELD_OUT, MOUTH, SpeechBatch, SpeechSamples, StateTimes
from emo.training.loader import sample_loader
from emo.training.stage import Stage, name_samples

RECORDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac")
DEVIATION = (0.24, 0.33, 0.31)  # of jaw, width and rounding in synthetic speech: what makes their errors comparable
AT_ONCE = 8  # sounds, where nothing is learned from them


class AudioEncoderNetworks(nn.Module):
    """The encoder, and on each hidden state a linear head: EMO's audio projection reads the states of all blocks."""

    def __init__(self, encoder: Wav2Vec2Model, outputs: int):
        super().__init__()
        self.encoder = encoder
        config = encoder.config
        self.heads = nn.ModuleList(nn.Linear(config.hidden_size, outputs) for _ in range(config.num_hidden_layers))
        for name, parameter in encoder.named_parameters():
            parameter.requires_grad_(name != "masked_spec_embed")  # no part of any result

    def train(self, mode: bool = True) -> "AudioEncoderNetworks":
        """Always without wav2vec's dropout and masking, whose draws would not be the samples' own."""
        return super().train(False)

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, N) -> what the heads make of every state, (B, layers, S, outputs)."""
        states = self.encoder(waveform, output_hidden_states=True).hidden_states[1:]
        return torch.stack([head(state) for head, state in zip(self.heads, states, strict=True)], dim=1)


class AudioEncoderStage(Stage[AudioEncoderNetworks, SpeechBatch]):
    """See `emo.training.stage.Stage`."""

    config: AudioEncoderTrainingConfig

    def __init__(self, config: AudioEncoderTrainingConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = load_model_config(config.model.config)
            encoder = _load(config.model.init) if config.model.init else build_audio_encoder(model)
            self.networks = AudioEncoderNetworks(encoder, config.loss.mel_bins + len(MOUTH))
        field = receptive_field(encoder.config)
        self.times = StateTimes(hop=field.hop, field=field.size)
        speech = config.data.speech
        self.recordings = find_files(Path(speech), RECORDINGS, "data.speech") if speech else []

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
        bins = self.config.loss.mel_bins
        prediction = networks(batch.waveform).float()
        mel = (prediction[..., :bins] - batch.mel[:, None]).square().mean()
        error = (prediction[..., bins:] - batch.mouth[:, None]) / prediction.new_tensor(DEVIATION)
        mouth = (error.square().mean(dim=(1, 2, 3)) * batch.articulated).mean()
        return mel + self.config.loss.mouth * mouth, {"mel": mel, "mouth": mouth}

    def describe(self, batch: SpeechBatch) -> str:
        return name_samples(batch.names, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """The encoder without its heads, and the feature extractor that belongs to it."""
        encoder = Wav2Vec2Model(self.networks.encoder.config)
        prefix = "encoder."
        encoder.load_state_dict(
            {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        )
        encoder.save_pretrained(folder)
        Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)

    def validate(self, networks: AudioEncoderNetworks, folder: Path) -> dict[str, float]:
        """In `scores.json` correlation of jaw, width and rounding with the truth on utterances never trained on, from
        the last layer on clean and on noisy sound, and from every layer on clean sound; the former are logged."""
        clean = [dict(zip(MOUTH, row, strict=True)) for row in self.correlations(networks, clean=True)]
        noisy = [dict(zip(MOUTH, row, strict=True)) for row in self.correlations(networks, clean=False)]
        scores = {"clean": clean[-1], "noisy": noisy[-1], "layers": clean}
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        logged = {"clean": clean[-1], "noisy": noisy[-1]}
        return {f"{kind}/{part}": r for kind, row in logged.items() for part, r in row.items()}

    def correlations(self, networks: AudioEncoderNetworks, *, clean: bool) -> list[list[float]]:
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
        predictions, targets = [], []
        for start in range(0, self.config.validated, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, self.config.validated))
            batch = SpeechBatch.collate([samples[g] for g in numbers])
            prediction = networks(batch.waveform.to(self.device)).float().cpu()
            predictions.append(prediction[..., bins:].transpose(0, 1).flatten(1, 2))  # (layers, B S, 3)
            targets.append(batch.mouth.flatten(0, 1))
        target = torch.cat(targets).double().numpy()
        layers = torch.cat(predictions, dim=1).double().numpy()
        return [[float(np.corrcoef(layer[:, k], target[:, k])[0, 1]) for k in range(len(MOUTH))] for layer in layers]


def _load(folder: str) -> Wav2Vec2Model:
    try:
        return Wav2Vec2Model.from_pretrained(folder, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{folder}: no audio encoder could be loaded ({first_line(error)})") from error
