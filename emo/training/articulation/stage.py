"""The articulation: how lips move for any voice, learned from talkers whose mouths were read and from voices whose
phones are known. See docs/articulation.md."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from emo.articulation import MEASURES, SOUNDS, ArticulationNetwork, Articulator, load_articulation
from emo.articulation.features import SAMPLE_RATE, silence
from emo.articulation.sounds import SHUT, TEETH
from emo.data import StepSampler
from emo.errors import ConfigError, first_line
from emo.training.articulation.config import ArticulationTrainingConfig
from emo.training.articulation.figures import tracks
from emo.training.articulation.phone_mouth import RATE as PHONE_RATE
from emo.training.articulation.phone_mouth import learn_phone_mouth, lips_shut, tracking_loss
from emo.training.articulation.report import report
from emo.training.articulation.samples import ArticulationBatch, ArticulationSamples, Source
from emo.training.articulation.talks import UNKNOWN, Talk, read_talkers, read_talks
from emo.training.loader import sample_loader
from emo.training.stage import Stage, name_samples

LAG = 2  # steps over which slopes are compared
QUIET = 10  # percentile of the opening, below which a talker's mouth rests


class ArticulationStage(Stage[ArticulationNetwork, ArticulationBatch]):
    """See `emo.training.stage.Stage`."""

    config: ArticulationTrainingConfig

    def __init__(self, config: ArticulationTrainingConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        data = config.data
        talkers = read_talkers(data.talkers, "data.talkers", data.held_out)
        self.kept_aside, self.mean, self.deviation = talkers.kept_aside, talkers.mean, talkers.deviation
        self.measured = read_talks(data.measured, "data.measured") if data.measured else []
        self.aligned = read_talks(data.aligned, "data.aligned") if data.aligned else []
        self.sources = [Source(talkers.standardized, 1 - data.voice_share if data.voices else 1.0, 1.0)]
        if data.voices:
            voices = read_talks(data.voices, "data.voices")
            self.sources.append(
                Source(self._give_mouths(voices, talkers.learned), data.voice_share, data.voice_weight)
            )
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
        return name_samples(batch.names, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """The network in half precision, with the gain that gives mouths the real ones' reach, and the report."""
        network = self._network()
        network.load_state_dict(weights)
        network = self._calibrated(network.eval())
        half = {name: value.half().float() for name, value in network.state_dict().items()}
        network.load_state_dict(half)
        (folder / "report.json").write_text(
            json.dumps(self.report(network, thorough=True), indent=2) + "\n", encoding="utf-8"
        )
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
        report = self.report(networks, thorough=False)
        (folder / "scores.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        return {
            f"{group}/{name}": report[group]["r"][name]
            for group in ("kept_aside", "measured")
            if group in report
            for name in ("opening", "height", "width")
        }

    def report(self, network: ArticulationNetwork, *, thorough: bool) -> dict[str, Any]:
        """See `emo.training.articulation.report.report`."""
        groups = {"kept_aside": self.kept_aside, "measured": self.measured}
        return report(Articulator(network.cpu().eval()), groups, self.aligned, thorough=thorough)


def _spread(rows: list[np.ndarray], measure: int) -> float:
    """Mean deviation of a measure within clips (T, measures)."""
    return float(np.mean([row[:, measure].std() for row in rows]))
