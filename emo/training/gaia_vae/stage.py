"""GAIA's autoencoder, trained on pairs of frames of one clip (4.1). See docs/gaia.md."""

import json
from functools import reduce
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from emo.data import ClipReader, SampledClips, StepSampler
from emo.data.samples.landmarks import LANDMARKS, landmark_feature
from emo.motion.gaia import MotionAppearanceOutput
from emo.training.adversarial import discriminator_loss
from emo.training.cached_features import NO_PICTURES, cached_features
from emo.training.config import OptimizerConfig
from emo.training.gaia_vae.config import FramePairConfig, GAIAVAEConfig
from emo.training.gaia_vae.figures import DrawnPairs, pair_figures, pair_sheet
from emo.training.gaia_vae.losses import vae_losses
from emo.training.gaia_vae.networks import DISCRIMINATOR, VAE, GAIAVAENetworks, load_vae_networks, save_vae_networks
from emo.training.gaia_vae.samples import FramePairs, FramePairSampler, PairFileSamples
from emo.training.loader import sample_loader
from emo.training.stage import Stage, StageOptimizer, StageStep, name_samples

AT_ONCE = 8  # pairs, where nothing is learned from them


class GAIAVAEStage(Stage[GAIAVAENetworks, FramePairs]):
    """See `emo.training.stage.Stage`. With an adversarial loss autoencoder and discriminator learn in turns."""

    config: GAIAVAEConfig

    def __init__(self, config: GAIAVAEConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        self.networks = load_vae_networks(config.model, config.loss.adversarial > 0, self.seed)
        self.size = self.networks.vae.config["sample_size"]
        self.cache = None
        if config.data.root is not None:
            self.cache = cached_features(config.data.root, {LANDMARKS: landmark_feature()}, accelerator, NO_PICTURES)
        self.samples = self._samples(config.data.split, config.data)
        if config.train.validate_every:
            self._samples(config.data.held_out, None)  # now, and not after hours

    def _samples(self, split: str, changes: FramePairConfig | None) -> Dataset[FramePairs]:
        """Of a split by number, changed or as they are."""
        data = self.config.data
        if data.pairs is not None:
            return PairFileSamples(data.pairs, split, self.size, changes, self.seed)
        assert data.root is not None
        reader = ClipReader(data.root, split, size=self.size, cache=self.cache)
        return SampledClips(reader, FramePairSampler(changes), self.seed)

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data = self.config.data
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        pin_memory = self.device.type == "cuda"
        return sample_loader(self.samples, FramePairs.collate, sampler, data.workers, pin_memory=pin_memory)

    def optimizers(self, config: OptimizerConfig) -> dict[str, StageOptimizer]:
        learned = [parameter for parameter in self.networks.vae.parameters() if parameter.requires_grad]
        found = {VAE: StageOptimizer([{"params": learned, "lr": config.learning_rate}], config)}
        if self.networks.discriminator is not None:
            own = self.config.discriminator
            judge = {"params": list(self.networks.discriminator.parameters()), "lr": own.learning_rate}
            found[DISCRIMINATOR] = StageOptimizer([judge], own)
        return found

    def averages(self, name: str) -> bool:
        return name.startswith(f"{VAE}.")

    def step(self, step: StageStep) -> None:
        drawn: list[Tensor] = []
        for batch in step.batches():
            output, loss, parts = self._draw(step.networks, batch)
            drawn.append(output.sample.detach())
            step.backward(loss, parts)
        step.update(VAE)
        if self.networks.discriminator is None:
            return
        for batch, made in zip(step.batches(), drawn, strict=True):
            true = _scaled(batch.frames)
            _, score = step.networks(judged=torch.cat([true, made.to(true)]))
            step.backward(*discriminator_loss(score))
        step.update(DISCRIMINATOR)

    def loss(self, networks: nn.Module, batch: FramePairs) -> tuple[Tensor, dict[str, Tensor]]:
        """The autoencoder's."""
        _, loss, parts = self._draw(networks, batch)
        return loss, parts

    def _draw(
        self, networks: nn.Module, batch: FramePairs
    ) -> tuple[MotionAppearanceOutput, Tensor, dict[str, Tensor]]:
        """What is drawn of a batch, the loss and its parts."""
        noise = tuple(each.to(batch.frames.device) for each in self.noise(batch.index.tolist()))
        output, score = networks(_scaled(batch.appearance), _scaled(batch.landmark_maps), noise)
        parts = vae_losses(output, score, _scaled(batch.frames), batch.points, self.config.loss)
        return output, reduce(torch.add, parts.values()), parts

    def noise(self, numbers: list[int]) -> tuple[Tensor, Tensor]:
        """Of B samples, by which z_a and z_m are drawn."""
        vae = self.networks.vae
        side = self.size // vae.appearance_factor
        shapes = ((vae.config["appearance_channels"], side, side), vae.motion_shape)
        drawn: tuple[list[Tensor], ...] = ([], [])
        for number in numbers:
            seed = int(np.random.SeedSequence((0x6A1A, self.seed, number)).generate_state(1)[0])
            generator = torch.Generator().manual_seed(seed)
            for each, shape in zip(drawn, shapes, strict=True):
                each.append(torch.randn(shape, generator=generator))
        return torch.stack(drawn[0]), torch.stack(drawn[1])

    def describe(self, batch: FramePairs) -> str:
        return name_samples(batch.clips, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """`vae`, and `discriminator` where one learns, each as diffusers loads it."""
        save_vae_networks(self.networks, folder, weights)

    def validate(self, networks: GAIAVAENetworks, folder: Path) -> dict[str, float]:
        """Held-out people: `frames.png` shows what is drawn of some, `scores.json` and the log have `pair_figures`."""
        samples = self._samples(self.config.data.held_out, None)
        numbers = range(self.config.validated)
        shown = []
        for start in numbers[::AT_ONCE]:
            batch = FramePairs.collate([samples[number] for number in numbers[start:][:AT_ONCE]]).to(self.device)
            shown.append(self._shown(networks, batch))
        scores = pair_figures(shown, self.config.loss)
        pair_sheet(shown[0]).save(folder / "frames.png")
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return scores

    def _shown(self, networks: GAIAVAENetworks, batch: FramePairs) -> DrawnPairs:
        vae = networks.vae
        appearance, maps = _scaled(batch.appearance), _scaled(batch.landmark_maps)
        looks, does = vae.encode_appearance(appearance).mode(), vae.encode_motion(maps).mode()
        drawn, another = (vae.decode(looks, motion).float() for motion in (does, does.roll(-1, dims=0)))
        return DrawnPairs(appearance, maps, _scaled(batch.frames), batch.points, drawn, another)


def _scaled(pictures: Tensor) -> Tensor:
    """uint8 -> -1 ... 1."""
    return pictures.float() / 127.5 - 1
