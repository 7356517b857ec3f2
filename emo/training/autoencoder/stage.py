"""The autoencoder of a model without pretrained parts, trained on the frames of a dataset."""

import json
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipDataset, StepSampler
from emo.data.batch import Batch
from emo.errors import ConfigError
from emo.hub import build_vae, load_model_config, load_vae
from emo.hub.autoencoder import Autoencoder
from emo.media import contact_sheet
from emo.training.autoencoder.config import AutoencoderTrainingConfig
from emo.training.bump import bump
from emo.training.loader import sample_loader
from emo.training.reconstruction import detail, psnr, reconstruction_loss
from emo.training.stage import Stage, name_samples
from emo.unets import PatchAutoencoder

ENCODER = ("vae.encoder.", "vae.quant_conv.", "vae.patch_in.")  # of either kind
REFERENCE = "vae.reference_decoder."  # which has a training of its own
AT_ONCE = 16  # pictures, where nothing is learned from them
SHOWN = 8  # of the held-out pictures


class AutoencoderNetworks(nn.Module):
    """Encoder and decoder with noise on the latents between them, so that a diffusion model's errors do little."""

    vae: Any  # an `Autoencoder`, whose methods may also return tuples as far as their types tell

    def __init__(self, vae: Autoencoder):
        super().__init__()
        self.vae = vae

    def forward(self, pictures: Tensor, noise: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruct.

        Args:
            pictures: (B, 3, H, W) in -1 ... 1.
            noise: normal, (B, L, h, w).
            level: (B, 1, 1, 1), how much of it the latents get beside the posterior's.

        Returns:
            Pictures, and the posterior's KL divergence per latent number, 0 where there is none.
        """
        posterior = self.vae.encode(pictures).latent_dist
        latents = posterior.mode()
        divergence = pictures.new_zeros(())
        if isinstance(posterior, DiagonalGaussianDistribution):
            level = level + posterior.std
            divergence = posterior.kl().mean() / latents[0].numel()
        return self.vae.decode(latents + level * noise).sample, divergence


class AutoencoderStage(Stage[AutoencoderNetworks, Batch]):
    """See `emo.training.stage.Stage`. A sample is two frames of a clip, the reference and the target of stage 1."""

    config: AutoencoderTrainingConfig

    def __init__(self, config: AutoencoderTrainingConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        if config.model.decoder_only and not config.model.init:
            raise ConfigError("model.decoder_only keeps a trained encoder: name its folder as model.init")
        model = load_model_config(config.model.config)
        self.size = model.image_size
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            vae = load_vae(config.model.init) if config.model.init else build_vae(model)
        self.factor = 2 ** (len(vae.config["block_out_channels"]) - 1)
        if isinstance(vae, PatchAutoencoder) and not config.model.init:
            pictures, _ = self.samples(config.data.split, config.data.measured)
            try:
                vae.start_from(pictures)
            except ValueError as error:
                raise ConfigError(f"data.measured is {config.data.measured}; more are needed: {error}") from None
        self.networks = AutoencoderNetworks(vae)
        for name, parameter in self.networks.named_parameters():
            kept = (REFERENCE, *ENCODER) if config.model.decoder_only else (REFERENCE,)
            parameter.requires_grad_(not name.startswith(kept))

    def dataset(self, split: str) -> ClipDataset:
        """Pairs of frames by sample number."""
        return ClipDataset(self.config.data.root, video=False, split=split, seed=self.seed, size=self.size)

    def samples(self, split: str, count: int) -> tuple[Tensor, Tensor]:
        """Target frames of the first samples, (count, 3, H, W) in -1 ... 1, and their mouths (count, 3)."""
        dataset = self.dataset(split)
        batch = Batch.collate([dataset[g] for g in range(count)])
        assert batch.frames is not None
        return batch.frames[:, 0] / 127.5 - 1, batch.mouth[:, 0]

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data = self.config.data
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        pin_memory = self.device.type == "cuda"
        return sample_loader(self.dataset(data.split), Batch.collate, sampler, data.workers, pin_memory=pin_memory)

    def loss(self, networks: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        assert batch.reference is not None
        assert batch.frames is not None
        pictures = torch.cat([batch.reference, batch.frames[:, 0]]) / 127.5 - 1
        weight = torch.cat(
            [
                pictures.new_ones(len(batch), 1, 1, 1).expand(-1, 1, self.size, self.size),
                1 + self.config.loss.mouth * self.mouth(batch.mouth[:, 0]),
            ]
        )
        noise, level, mirrored = (draw.to(pictures.device) for draw in self.draw(batch.index.tolist()))
        pictures = torch.where(mirrored, pictures.flip(-1), pictures)
        weight = torch.where(mirrored, weight.flip(-1), weight)
        reconstruction, divergence = networks(pictures, noise, self.config.loss.latent_noise * level)
        parts = reconstruction_loss(reconstruction.float(), pictures, weight, self.config.loss)
        return reduce(torch.add, parts.values()) + self.config.loss.kl * divergence, parts

    def mouth(self, mouth: Tensor) -> Tensor:
        """(B, 1, H, W), 1 at the mouth's middle (B, 3)."""
        return bump(mouth, self.size, self.size, self.config.loss.mouth_sigma)

    def draw(self, numbers: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Of B samples: noise (2B, L, h, w), its level in [0, 1) and whether to mirror, each (2B, 1, 1, 1)."""
        side = self.size // self.factor
        channels = self.networks.vae.config["latent_channels"]
        noises, uniforms = [], []
        for number in numbers:
            seed = int(np.random.SeedSequence((0xAE, self.seed, number)).generate_state(1)[0])
            generator = torch.Generator().manual_seed(seed)
            noises.append(torch.randn(2, channels, side, side, generator=generator))
            uniforms.append(torch.rand(2, 2, 1, 1, 1, generator=generator))
        noise, chances = (torch.stack(draws, dim=1).flatten(0, 1) for draws in (noises, uniforms))
        return noise, chances[:, 0], chances[:, 1] < 0.5

    def describe(self, batch: Batch) -> str:
        return name_samples(batch.clips, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """The autoencoder, with the scaling factor that makes its latents' standard deviation 1."""
        vae = type(self.networks.vae).from_config(self.networks.vae.config)
        vae.load_state_dict({name.removeprefix("vae."): tensor.float() for name, tensor in weights.items()})
        if not self.config.model.decoder_only:
            vae.register_to_config(scaling_factor=self.scaling_factor(vae.to(self.device).eval()))
        vae.save_pretrained(folder)

    @torch.no_grad()
    def scaling_factor(self, vae: Any) -> float:
        """1 / the standard deviation of the latents of the measured pictures."""
        pictures, _ = self.samples(self.config.data.split, self.config.data.measured)
        latents = torch.cat([vae.encode(x.to(self.device)).latent_dist.mode() for x in pictures.split(AT_ONCE)])
        return 1 / float(latents.std())

    def validate(self, networks: AutoencoderNetworks, folder: Path) -> dict[str, float]:
        """Held-out people: pictures above their reconstructions in `pictures.png`; logged and in `scores.json` the
        PSNR of whole pictures and around the mouth, in dB, and what is left of the Laplacian's power."""
        pictures, mouth = self.samples(self.config.data.held_out, self.config.validated)
        reconstruction = torch.cat(
            [networks.vae(x.to(self.device)).sample.float().cpu() for x in pictures.split(AT_ONCE)]
        )
        scores = {
            "psnr": psnr(reconstruction, pictures).mean().item(),
            "mouth_psnr": psnr(reconstruction, pictures, self.mouth(mouth)).mean().item(),
            "sharpness": (detail(reconstruction).square().mean() / detail(pictures).square().mean()).item(),
        }
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        rows = [
            ((x[:SHOWN].clamp(-1, 1) + 1) * 127.5).round().byte().movedim(1, -1) for x in (pictures, reconstruction)
        ]
        sheet = contact_sheet([picture.numpy() for row in rows for picture in row], columns=len(rows[0]))
        sheet.save(folder / "pictures.png")
        return scores
