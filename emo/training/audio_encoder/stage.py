"""The audio encoder of a model without pretrained parts: a small wav2vec 2.0 that learns to hear, in noisy synthetic
speech and in voices, what moves a mouth. Of its heads nothing is kept."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2Model

from emo.articulation import MEASURES, SOUNDS
from emo.data import StepSampler
from emo.errors import WeightsError, first_line
from emo.generation.hearing import receptive_field
from emo.hub import build_audio_encoder, load_model_config
from emo.search import find_files
from emo.training.articulation.disturb import Disturber
from emo.training.articulation.talks import UNKNOWN, Talk, read_talkers, read_talks
from emo.training.audio_encoder.config import AudioEncoderTrainingConfig, SpeechDataConfig
from emo.training.audio_encoder.figures import Told, as_heard, hidden_states, report
from emo.training.audio_encoder.samples import HELD_OUT, MOUTH, SpeechBatch, SpeechSamples, StateTimes
from emo.training.audio_encoder.talks import TalkPieces
from emo.training.loader import sample_loader
from emo.training.stage import Stage, name_samples

RECORDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac")
DEVIATION = (0.24, 0.33, 0.31)  # of jaw, width and rounding in synthetic speech: what makes their errors comparable
AT_ONCE = 8  # sounds, where nothing is learned from them


class AudioEncoderNetworks(nn.Module):
    """The encoder, and on each hidden state a linear head: EMO's audio projection reads the states of all blocks.

    Args:
        encoder: trains along.
        outputs: of each head by what it tells.
    """

    def __init__(self, encoder: Wav2Vec2Model, outputs: dict[str, int]):
        super().__init__()
        self.encoder = encoder
        self.outputs = outputs
        config = encoder.config
        total = sum(outputs.values())
        self.heads = nn.ModuleList(nn.Linear(config.hidden_size, total) for _ in range(config.num_hidden_layers))
        for name, parameter in encoder.named_parameters():
            parameter.requires_grad_(name != "masked_spec_embed")  # no part of any result

    def train(self, mode: bool = True) -> "AudioEncoderNetworks":
        """Always without wav2vec's dropout and masking, whose draws would not be the samples' own."""
        return super().train(False)

    def forward(self, waveform: Tensor) -> dict[str, Tensor]:
        """(B, N) -> what the heads make of every state, each (B, layers, S, outputs)."""
        states = hidden_states(self.encoder, waveform)
        told = torch.stack([head(state) for head, state in zip(self.heads, states, strict=True)], dim=1).float()
        return dict(zip(self.outputs, told.split(list(self.outputs.values()), dim=-1), strict=True))


class AudioEncoderStage(Stage[AudioEncoderNetworks, SpeechBatch]):
    """See `emo.training.stage.Stage`."""

    config: AudioEncoderTrainingConfig

    def __init__(self, config: AudioEncoderTrainingConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        self._read_talks(config.data)
        outputs = {"mel": config.loss.mel_bins, "mouth": len(MOUTH)}
        outputs |= {"sounds": len(SOUNDS)} if self.talks and config.loss.sounds else {}
        outputs |= {"lips": len(MEASURES)} if self.talks and self.talks.talkers and config.loss.lips else {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = load_model_config(config.model.config)
            encoder = _load(config.model.init) if config.model.init else build_audio_encoder(model.audio_encoder)
            self.networks = AudioEncoderNetworks(encoder, outputs)
        field = receptive_field(encoder.config)
        self.times = StateTimes(hop=field.hop, field=field.size)
        speech = config.data.speech
        self.recordings = find_files(Path(speech), RECORDINGS, "data.speech") if speech else []

    def _read_talks(self, data: SpeechDataConfig) -> None:
        """What is learned from, `talks`, and what is only measured on, `measured` by group."""
        read = {name: getattr(data, name) for name in ("voices", "measured", "aligned")}
        found = {name: read_talks(folder, f"data.{name}") if folder else [] for name, folder in read.items()}
        talkers = read_talkers(data.talkers, "data.talkers", data.held_out) if data.talkers else None
        learned, kept_aside = (talkers.standardized, talkers.kept_aside) if talkers else ([], [])
        self.measured = {"kept_aside": kept_aside, "measured": found["measured"], "aligned": found["aligned"]}
        self.talks = None
        if learned or found["voices"]:
            disturb = Disturber(self.seed)
            self.talks = TalkPieces(learned, found["voices"], data.talk_share, data.voice_share, disturb)

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
            talks=self.talks,
        )
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        return sample_loader(samples, SpeechBatch.collate, sampler, data.workers)

    def loss(self, networks: nn.Module, batch: SpeechBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Of all heads: squared errors of log-mel and of mouths, cross-entropy of sounds; each where it is known."""
        weights = self.config.loss
        told = networks(batch.waveform)
        mel = (told["mel"] - batch.mel[:, None]).square().mean()
        error = (told["mouth"] - batch.mouth[:, None]) / told["mouth"].new_tensor(DEVIATION)
        mouth = (error.square().mean(dim=(1, 2, 3)) * batch.articulated).mean()
        loss, parts = mel + weights.mouth * mouth, {"mel": mel, "mouth": mouth}
        if "sounds" in told:
            labels = batch.sounds[:, None].expand(told["sounds"].shape[:-1])
            parts["sounds"] = F.cross_entropy(
                told["sounds"].movedim(-1, 1), labels, ignore_index=UNKNOWN, reduction="none"
            ).mean()
            loss = loss + weights.sounds * parts["sounds"]
        if "lips" in told:
            error = (told["lips"] - batch.lips[:, None]).square() * batch.seen[:, None, :, None]
            parts["lips"] = error.mean()
            loss = loss + weights.lips * parts["lips"]
        return loss, parts

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
        the last layer on clean and on noisy sound, and from every layer on clean sound; and of every layer what is
        told of talks never trained on (`report`). What the last layer does is logged."""
        clean = [dict(zip(MOUTH, row, strict=True)) for row in self.correlations(networks, clean=True)]
        noisy = [dict(zip(MOUTH, row, strict=True)) for row in self.correlations(networks, clean=False)]
        scores: dict[str, Any] = {"clean": clean[-1], "noisy": noisy[-1], "layers": clean}
        logged: dict[str, dict[str, float]] = {"clean": clean[-1], "noisy": noisy[-1]}

        def tell(talk: Talk) -> Told:
            told = networks(as_heard(talk, self.device))
            return {name: values[0].cpu().numpy() for name, values in told.items()}

        for group, talks in self.measured.items():
            if found := report(tell, talks, self.times):
                scores[group] = found
                logged[group] = {name: values[-1] for name, values in found.items()}
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return {f"{kind}/{part}": value for kind, row in logged.items() for part, value in row.items()}

    def correlations(self, networks: AudioEncoderNetworks, *, clean: bool) -> list[list[float]]:
        """Pearson's r per layer and part of the mouth; not clean: in a room, with noise 0 to 40 dB below."""
        samples = SpeechSamples(
            self.times,
            self.seed,
            self.config.data.seconds,
            self.config.validated,
            self.config.loss.mel_bins,
            noise_share=0.0 if clean else 1.0,
            clean=clean,
            pool=HELD_OUT,
        )
        predictions, targets = [], []
        for start in range(0, self.config.validated, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, self.config.validated))
            batch = SpeechBatch.collate([samples[g] for g in numbers])
            prediction = networks(batch.waveform.to(self.device))["mouth"].cpu()
            predictions.append(prediction.transpose(0, 1).flatten(1, 2))  # (layers, B S, 3)
            targets.append(batch.mouth.flatten(0, 1))
        target = torch.cat(targets).double().numpy()
        layers = torch.cat(predictions, dim=1).double().numpy()
        return [[float(np.corrcoef(layer[:, k], target[:, k])[0, 1]) for k in range(len(MOUTH))] for layer in layers]


def _load(folder: str) -> Wav2Vec2Model:
    try:
        return Wav2Vec2Model.from_pretrained(folder, use_safetensors=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{folder}: no audio encoder could be loaded ({first_line(error)})") from error
