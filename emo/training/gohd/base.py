"""What the stages of GoHD's motion have in common: what they hear, and the clips that they learn from."""

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader

from emo.data import ClipReader, SampledClips, StepSampler
from emo.data.samples.emo_features import AUDIO, audio_feature
from emo.errors import ConfigError
from emo.hub.gohd_config import GoHDConfig, load_gohd_config
from emo.motion import CONTROLS, MotionTrack
from emo.motion.gohd.lip_reader import LipReader
from emo.training.cached_features import NO_PICTURES, cached_features
from emo.training.clips import check_one_rate, clip_controls
from emo.training.gohd.samples import PieceBatch, PieceSampler
from emo.training.loader import sample_loader
from emo.training.loading import load_hearing, load_part
from emo.training.stage import NetworksT, Stage, name_samples


class GoHDStage(Stage[NetworksT, PieceBatch]):
    """Base of GoHD's stages; see `emo.training.stage.Stage`.

    Attributes:
        sizes: of the model.
        reader: of the clips that are learned from.
        audio_dim: A.
    """

    def __init__(self, config: Any, accelerator: Accelerator, min_frames: int = 1):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        self.sizes: GoHDConfig = load_gohd_config(config.model.config)
        encoder, extractor = load_hearing(config.model.audio_encoder, self.device)
        self.hearing = {"audio_encoder": encoder, "feature_extractor": extractor}
        self.audio_dim = encoder.config.num_hidden_layers * encoder.config.hidden_size
        features = {AUDIO: audio_feature(encoder, extractor)}
        self.cache = cached_features(config.data.root, features, accelerator, NO_PICTURES)
        self.reader = self.open_reader(config.data.split, min_frames)
        if config.train.validate_every:
            self.open_reader(config.data.held_out)  # now, and not after hours

    def open_reader(self, split: str, min_frames: int = 1) -> ClipReader:
        """Clips of a split with sound and a label for every control.

        Raises:
            DatasetError, ConfigError: there is none of so many frames, or they are of several rates.
        """
        reader = ClipReader(
            self.config.data.root,
            split,
            min_frames=min_frames,
            with_sound=True,
            with_labels=CONTROLS.names,
            size=NO_PICTURES,
            cache=self.cache,
        )
        check_one_rate(reader)
        return reader

    def piece_loader(self, sampler: PieceSampler, start_batch: int, processes: int, process: int) -> DataLoader:
        """See `Stage.loader`."""
        steps = StepSampler(self.batch_size, processes, process, start_batch)
        samples = SampledClips(self.reader, sampler, self.seed)
        return sample_loader(samples, PieceBatch.collate, steps, self.config.data.workers)

    def describe(self, batch: PieceBatch) -> str:
        return name_samples(batch.names, batch.index)

    def every_motion(self) -> list[Tensor]:
        """Of all clips that are learned from, (T, 14) each."""
        return [clip_controls(self.reader, number) for number in range(len(self.reader))]

    def true_track(self, reader: ClipReader, number: int) -> MotionTrack:
        """A clip's own motion."""
        return MotionTrack(clip_controls(reader, number), reader.clips[number].rate, CONTROLS)

    def trained(self, kind: Any, folder: str, name: str, option: str) -> Any:
        """A trained network of a folder, which hears as this training does.

        Raises:
            WeightsError: there is none.
            ConfigError: it has another audio encoder.
        """
        network = load_part(kind, str(Path(folder) / name))
        if network.config["audio_dim"] != self.audio_dim:
            raise ConfigError(f"{option}: {folder} has another audio encoder")
        return network.to(self.device).eval().requires_grad_(False)

    def lip_reader(self, folder: str | None) -> LipReader | None:
        """A trained one of a folder, if it is given.

        Raises:
            WeightsError: there is none.
        """
        if folder is None:
            return None
        reader = load_part(LipReader, str(Path(folder) / "lip_reader"))
        return reader.to(self.device).eval().requires_grad_(False)


def columns(values: Tensor, *names: str) -> Tensor:
    """Columns of named controls (..., 14) of these parts, (..., columns)."""
    return values[..., CONTROLS.index(*names)]


def clip_names(reader: ClipReader, number: int) -> str:
    """What a clip's files are called."""
    return Path(reader.clips[number].file_name).stem


def on_cpu(values: Tensor) -> Tensor:
    """Values as tracks have them."""
    return values.detach().float().cpu()


def seeded(seed: int) -> torch.Generator:
    """A generator for one clip's noise."""
    return torch.Generator().manual_seed(seed)
