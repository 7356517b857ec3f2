"""The articulation: how lips move for any voice, learned from talkers whose mouths were read and voices whose phones
are known. See docs/articulation.md.

    python train/articulation_data.py clips VIDEOS --alignments WORDS.json --out runs/articulation/data/talkers
    python train/articulation_data.py voices --out runs/articulation/data/voices
    accelerate launch train/articulation.py --config configs/train/articulation.yaml
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from accelerate import Accelerator
from omegaconf import MISSING
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from emo.articulation import MEASURES, SOUNDS, ArticulationNetwork, Articulator, load_articulation
from emo.articulation.features import SAMPLE_RATE, silence
from emo.articulation.sounds import SHUT, TEETH
from emo.bounds import SHARE, Name, Numbers, Several
from emo.data import StepSampler
from emo.errors import ConfigError, first_line
from emo.training.articulation.figures import (
    bilabials_shut,
    disturbances,
    follow,
    means,
    real_bilabials_shut,
    sounds_told,
    tracks,
)
from emo.training.articulation.phone_mouth import RATE as PHONE_RATE
from emo.training.articulation.phone_mouth import learn_phone_mouth, lips_shut, tracking_loss
from emo.training.articulation.samples import UNKNOWN, ArticulationBatch, ArticulationSamples, Source
from emo.training.articulation.talks import Talk, read_talks
from emo.training.config import BATCH, WORKERS, LoopConfig, load_settings, run
from emo.training.loader import sample_loader
from emo.training.loop import make_accelerator, train

LAG = 2  # steps over which slopes are compared
QUIET = 10  # percentile of the opening, below which a talker's mouth rests


@dataclass
class DataConfig:
    """What is learned from: folders that train/articulation_data.py wrote.

    talkers: clips whose mouths were read. held_out: of every so many of them, sorted by name, the first is kept aside.
    voices: sounds with phones; voice_share: of the samples; voice_weight: of their mouths, which the phones tell.
    measured: clips of other talkers, aligned: sounds with phones; both only measured on.
    """

    talkers: Annotated[str, Name()] = MISSING
    held_out: Annotated[int, Numbers(2, 10**6)] = 10
    voices: Annotated[str | None, Name()] = None
    voice_share: Annotated[float, SHARE] = 0.6
    voice_weight: Annotated[float, Numbers(0, 1e4)] = 0.7
    measured: Annotated[str | None, Name()] = None
    aligned: Annotated[str | None, Name()] = None
    seconds: Annotated[float, Numbers(0.5, 60)] = 2.8
    batch_size: Annotated[int, BATCH] = 8
    workers: Annotated[int, WORKERS] = 0


@dataclass
class NetworkConfig:
    """See `ArticulationNetwork`; init: folder of a trained one of these sizes to go on from instead."""

    mels: Annotated[int, Numbers(4, 64)] = 40
    channels: Annotated[int, Numbers(4, 1024)] = 96
    dilations: Annotated[list[int], Several(Numbers(1, 64))] = field(default_factory=lambda: [1, 2, 4, 8, 1, 2])
    look_ahead: Annotated[int, Numbers(0, 100)] = 7
    dropout: Annotated[float, SHARE] = 0.1
    init: Annotated[str | None, Name()] = None


@dataclass
class LossConfig:
    """sounds: weight of telling the sounds apart; lips: of p b m and f v among them.

    phone_steps: for which the mouth of the voices is learned. reach: of the measures' deviation, against the real ones
    of the clips kept aside; above 1, as others are predicted more timidly. closing: see `ArticulationNetwork`.
    """

    sounds: Annotated[float, Numbers(0, 1e4)] = 0.4
    lips: Annotated[float, Numbers(0, 1e4)] = 2.0
    phone_steps: Annotated[int, Numbers(1, 10**6)] = 500
    reach: Annotated[float, Numbers(0, 10, above=True)] = 1.05
    closing: Annotated[list[float], Several(SHARE, 2)] = field(default_factory=lambda: [0.1, 0.42])


@dataclass
class ArticulationConfig:
    """All options."""

    data: DataConfig = field(default_factory=DataConfig)
    model: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: LoopConfig = field(default_factory=LoopConfig)


class ArticulationStage:
    """See `emo.training.loop.Stage`."""

    def __init__(self, config: ArticulationConfig, accelerator: Accelerator):
        self.config, self.seed, self.batch_size = config, config.train.seed, config.data.batch_size
        self.device = accelerator.device
        data = config.data
        clips = [talk for talk in read_talks(data.talkers, "data.talkers") if talk.mouth is not None]
        self.kept_aside = clips[:: data.held_out]
        learned = [talk for i, talk in enumerate(clips) if i % data.held_out]
        if not learned:
            raise ConfigError(f"data.talkers: {data.talkers} needs two clips with mouths at least, not {len(clips)}")
        self.measured = read_talks(data.measured, "data.measured") if data.measured else []
        self.aligned = read_talks(data.aligned, "data.aligned") if data.aligned else []
        rows = np.concatenate([talk.measures for talk in learned])
        self.mean, self.deviation = rows.mean(0), rows.std(0)
        standard = [talk.with_mouth((talk.measures - self.mean) / self.deviation, talk.fps) for talk in learned]
        self.sources = [Source(standard, 1 - data.voice_share if data.voices else 1.0, 1.0)]
        if data.voices:
            voices = read_talks(data.voices, "data.voices")
            self.sources.append(Source(self._give_mouths(voices, learned), data.voice_share, data.voice_weight))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.networks = self._network(config.model.dropout)
        if config.model.init:
            self._go_on_from(load_articulation(config.model.init))

    def _go_on_from(self, trained: ArticulationNetwork) -> None:
        """Take weights that standardize by their own clips over to these clips' standard."""
        try:
            self.networks.load_state_dict(trained.state_dict())
        except RuntimeError as error:
            raise ConfigError(
                f"model.init: {self.config.model.init} is of another size ({first_line(error)})"
            ) from error
        old, head = trained.calibration, self.networks.mouth
        scale = torch.from_numpy((old.deviation / self.deviation).astype(np.float32))
        shift = torch.from_numpy(((old.mean - self.mean) / self.deviation).astype(np.float32))
        assert head.bias is not None
        with torch.no_grad():
            head.weight.mul_(scale[:, None, None])
            head.bias.mul_(scale).add_(shift)

    def _network(self, dropout: float = 0.0, **calibration: Any) -> ArticulationNetwork:
        model = self.config.model
        return ArticulationNetwork(
            mels=model.mels,
            channels=model.channels,
            dilations=list(model.dilations),
            look_ahead=model.look_ahead,
            dropout=dropout,
            mean=self.mean.tolist(),
            deviation=self.deviation.tolist(),
            **calibration,
        )

    def _give_mouths(self, voices: list[Talk], learned: list[Talk]) -> list[Talk]:
        """Voices with the mouths that the talkers would make for their phones."""
        labeled = [talk for talk in learned if talk.phones is not None]
        if not labeled:
            return voices
        network = learn_phone_mouth(labeled, self.mean, self.deviation, self.config.loss.phone_steps, self.seed)
        given = []
        for voice in voices:
            assert voice.phones is not None, voice.name
            count = int(len(voice.sound) / SAMPLE_RATE * PHONE_RATE) + 2
            mouth = network.speak(voice.phones, count)
            mouth = lips_shut(mouth * self.deviation + self.mean, voice.phones, PHONE_RATE)
            mouth = (mouth - self.mean) / self.deviation
            given.append(voice.with_mouth(mouth, PHONE_RATE))
        return given

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        return [{"params": list(self.networks.parameters()), "lr": learning_rate}]

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data = self.config.data
        samples = ArticulationSamples(self.sources, self.seed, data.seconds, self.config.model.mels)
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        return sample_loader(samples, ArticulationBatch.collate, sampler, data.workers)

    def loss(self, networks: nn.Module, batch: ArticulationBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Errors of the mouth and of its change, and cross-entropy of the sounds where they are labeled."""
        padded = self.networks.pad(batch.features, silence(self.config.model.mels))
        mouth, sounds = networks(padded)
        weight = batch.weight[:, None, None].sqrt()
        error = tracking_loss(mouth.float() * weight, batch.mouth * weight, LAG)
        worth = torch.ones(len(SOUNDS), device=sounds.device)
        worth[[SHUT, TEETH]] = self.config.loss.lips
        told = F.cross_entropy(sounds.float(), batch.sounds, worth, ignore_index=UNKNOWN, reduction="sum")
        told = told / (batch.sounds != UNKNOWN).sum().clamp(min=1)
        return error + self.config.loss.sounds * told, {"mouth": error, "sounds": told}

    def describe(self, batch: ArticulationBatch) -> str:
        return ", ".join(f"{name} (sample {g})" for name, g in zip(batch.names, batch.index.tolist(), strict=True))

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """The network in half precision, with the gain that gives mouths the real ones' reach, and the report."""
        network = self._network()
        network.load_state_dict(weights)
        network = self._calibrated(network.eval())
        half = {name: value.half().float() for name, value in network.state_dict().items()}
        network.load_state_dict(half)
        (folder / "report.json").write_text(json.dumps(self.report(network), indent=2) + "\n", encoding="utf-8")
        network.half().save_pretrained(folder)

    def _calibrated(self, network: ArticulationNetwork) -> ArticulationNetwork:
        """The network with `gain` and `rest` of the clips kept aside."""
        articulator = Articulator(network)
        talks, reach = self.kept_aside, self.config.loss.reach
        guesses = [(tracks(articulator(t.waveform, t.fps)) - self.mean) / self.deviation for t in talks]
        reals = [(t.measures - self.mean) / self.deviation for t in talks]
        gain = [reach * _spread(reals, k) / max(_spread(guesses, k), 1e-6) for k in range(len(MEASURES))]
        resting = np.concatenate([g[g[:, 0] <= np.percentile(g[:, 0], QUIET)] for g in guesses])
        calibrated = self._network(gain=gain, rest=resting.mean(0).tolist(), closing=list(self.config.loss.closing))
        calibrated.load_state_dict(network.state_dict())
        return calibrated.eval()

    def validate(self, networks: ArticulationNetwork, folder: Path) -> dict[str, float]:
        """In `scores.json` correlations with mouths never learned from; those of other talkers are logged."""
        report = self.report(networks, quick=True)
        (folder / "scores.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        return {
            f"{group}/{name}": report[group]["r"][name]
            for group in ("kept_aside", "measured")
            if group in report
            for name in ("opening", "height", "width")
        }

    def report(self, network: ArticulationNetwork, *, quick: bool = False) -> dict:
        """Figures on what was never learned from; quick: without those of disturbed voices."""
        articulator = Articulator(network.cpu().eval())
        report: dict = {}
        for group, talks in (("kept_aside", self.kept_aside), ("measured", self.measured)):
            if not talks:
                continue
            found = follow(articulator, talks)
            report[group] = {name: means(rows) for name, rows in found.items()}
            labeled = [talk for talk in talks if talk.phones is not None]
            if labeled:
                report[group]["sounds told"] = round(sounds_told(articulator, labeled), 3)
                report[group]["bilabials shut"] = round(bilabials_shut(articulator, labeled), 3)
                report[group]["bilabials shut, real mouths"] = round(real_bilabials_shut(labeled), 3)
            if not quick:
                clips = zip(talks, found["r"], strict=True)
                report[group]["clips"] = {talk.name: {k: round(v, 2) for k, v in r.items()} for talk, r in clips}
                for name, disturb in disturbances().items():
                    heard = [_heard(talk, disturb(talk.waveform)) for talk in talks]
                    report[group][name] = means(follow(articulator, heard)["r"])
        if self.aligned:
            report["aligned"] = {
                "bilabials shut": round(bilabials_shut(articulator, self.aligned), 3),
                "sounds told": round(sounds_told(articulator, self.aligned), 3),
            }
        return report


def _spread(rows: list[np.ndarray], measure: int) -> float:
    """Mean deviation of a measure within clips (T, measures)."""
    return float(np.mean([row[:, measure].std() for row in rows]))


def _heard(talk: Talk, waveform: np.ndarray) -> Talk:
    loud = waveform / max(1.0, float(np.abs(waveform).max()))
    return Talk(talk.name, talk.kind, (loud * 32767).astype(np.int16), talk.mouth, talk.fps, talk.phones)


def main() -> int:
    config, resume = load_settings(ArticulationConfig, description=__doc__)
    accelerator = make_accelerator(config.train)
    return train(ArticulationStage(config, accelerator), config.train, accelerator, resume)


if __name__ == "__main__":
    sys.exit(run(main))
