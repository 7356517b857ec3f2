"""CAPP, trained on clips or tracks by symmetric InfoNCE: of all in a batch, which sound is this motion's (4)."""

import json
from pathlib import Path
from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from emo.data import CachedFeature, ClipReader, SampledClips, StepSampler
from emo.data.samples.emo_features import audio_feature
from emo.errors import ConfigError
from emo.metrics.capp import CAPP, FPS
from emo.motion.reading import ANGLES
from emo.training.cached_features import NO_PICTURES, cached_features
from emo.training.capp.config import CAPPTrainingConfig
from emo.training.capp.figures import SHIFTS, figures
from emo.training.capp.samples import SOUND, CAPPBatch, CAPPSampler, clip_sound, mel_feature
from emo.training.clips import clip_angles
from emo.training.loader import sample_loader
from emo.training.loading import load_hearing
from emo.training.stage import Stage, name_samples

MEASURED = 256  # clips whose means and deviations the network takes for all
MIN_DEVIATION = 1e-3


class CAPPStage(Stage[CAPP, CAPPBatch]):
    """See `emo.training.stage.Stage`."""

    config: CAPPTrainingConfig

    def __init__(self, config: CAPPTrainingConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        feature = {SOUND: _feature(config.model.audio_encoder, accelerator.device)}
        self.cache = cached_features(config.data.root, feature, accelerator)
        self.reader = self._reader(config.data.split)
        if config.train.validate_every:
            self._reader(config.data.held_out)  # now, and not after hours
        self.networks = self._new()

    def _reader(self, split: str) -> ClipReader:
        """Clips of a split with sound and angles that hold a window, shifted either way.

        Raises:
            DatasetError, ConfigError: there is none, or they are not of 25 frames per second.
        """
        reader = ClipReader(
            self.config.data.root,
            split,
            min_frames=self.config.model.frames + 2 * max(SHIFTS) + 1,
            with_sound=True,
            with_labels=ANGLES,
            size=NO_PICTURES,
            cache=self.cache,
        )
        if wrong := {str(clip.rate) for clip in reader.clips if clip.rate != FPS}:
            raise ConfigError(f"data.root: clips of {', '.join(sorted(wrong))} frames per second; CAPP takes {FPS}")
        return reader

    def _new(self) -> CAPP:
        """A network of random weights, in the units of the clips."""
        numbers = range(0, len(self.reader), -(-len(self.reader) // MEASURED))
        sound = torch.cat([clip_sound(self.reader, number) for number in numbers])
        changes = torch.cat([clip_angles(self.reader, number).diff(dim=0) for number in numbers])
        model = self.config.model
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = CAPP(
                audio_dim=sound.shape[1],
                frames=model.frames,
                dim=model.dim,
                pose_layers=model.pose_layers,
                audio_layers=model.audio_layers,
                heads=model.heads,
                channels=model.channels,
            )
        network.audio_mean.copy_(sound.mean(0))
        network.audio_deviation.copy_(sound.std(0).clamp(min=MIN_DEVIATION))
        network.pose_deviation.copy_(changes.std(0).clamp(min=MIN_DEVIATION))
        return network

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data = self.config.data
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        samples = SampledClips(self.reader, CAPPSampler(self.config.model.frames), self.seed)
        return sample_loader(samples, CAPPBatch.collate, sampler, data.workers)

    def loss(self, networks: nn.Module, batch: CAPPBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The cross-entropy of finding each motion's sound in the batch, and each sound's motion."""
        pose, sound, scale = networks(batch.changes, batch.sound)
        logits = scale * pose @ sound.T
        target = torch.arange(len(logits), device=logits.device)
        loss = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
        found = (logits.argmax(1) == target).float().mean()
        return loss, {"found": found, "cosine": (pose * sound).sum(1).mean(), "temperature": 1 / scale}

    def describe(self, batch: CAPPBatch) -> str:
        return name_samples(batch.clips, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """The network, as `CAPP.from_folder` takes it."""
        network = cast(CAPP, CAPP.from_config(self.networks.config))
        network.load_state_dict(weights)
        network.save_pretrained(folder)

    def validate(self, networks: CAPP, folder: Path) -> dict[str, float]:
        """`figures` of held-out clips, logged and in `scores.json`."""
        reader = self._reader(self.config.data.held_out)
        numbers = range(min(self.config.validated, len(reader)))
        angles, sounds = ([read(reader, n) for n in numbers] for read in (clip_angles, clip_sound))
        found = figures(networks, angles, sounds, self.config.model.frames)
        (folder / "scores.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return found


def _feature(audio_encoder: str | None, device: torch.device) -> CachedFeature:
    """What is heard: hidden states of an encoder, or log-mel bands without one."""
    if audio_encoder is None:
        return mel_feature()
    return audio_feature(*load_hearing(audio_encoder, device))
