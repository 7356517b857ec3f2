"""The decoder that is given the portrait, trained on exact flow; the autoencoder whose latents it reads stays."""

import json
from functools import reduce
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.functional import interpolate

from emo.errors import ConfigError
from emo.generation.latents import correlate_noise
from emo.hub import load_vae
from emo.training.reconstruction import detail, psnr
from emo.training.reference_decoder.config import ReferenceDecoderTrainingConfig
from emo.training.reference_decoder.figures import drawing_sheet
from emo.training.reference_decoder.losses import drawing_loss, picture_weight, smooth_in_space
from emo.training.reference_decoder.pair_stage import PairStage
from emo.training.reference_decoder.samples import PairBatch
from emo.unets import Drawing, PatchAutoencoder, ReferenceAutoencoder

DISTURBED = 0.5  # of the most noise, in validations
SHOWN = 4  # references


class ReferenceDecoderNetworks(nn.Module):
    """The autoencoder, of which only the reference decoder trains."""

    def __init__(self, vae: ReferenceAutoencoder):
        super().__init__()
        self.vae = vae
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name.startswith("vae.reference_decoder."))

    def forward(self, picture: Tensor, reference_latents: Tensor, latents: Tensor, plain: Tensor) -> Drawing:
        """Draw N frames beside each of B references.

        Args:
            picture: references (B, 3, H, W) in -1 ... 1.
            reference_latents: theirs, (B, L, h, w).
            latents: of the frames, (B * N, L, h, w), those of a reference in a row.
            plain: what the autoencoder's own decoder makes of them, (B * N, 3, H / 2, W / 2).
        """
        reference = self.vae.encode_reference(picture, reference_latents)
        return self.vae.reference_decoder(latents, plain, reference.repeated(len(latents) // len(picture)))


class ReferenceDecoderStage(PairStage[ReferenceDecoderNetworks]):
    """See `emo.training.stage.Stage`. A sample is a reference with two neighboring frames."""

    config: ReferenceDecoderTrainingConfig

    def __init__(self, config: ReferenceDecoderTrainingConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.networks = ReferenceDecoderNetworks(self._start())
        self.scale = self.networks.vae.config["scaling_factor"]

    def _start(self) -> ReferenceAutoencoder:
        """The autoencoder to begin from, with a new reference decoder if it has none."""
        model = self.config.model
        vae = load_vae(model.init)
        if isinstance(vae, ReferenceAutoencoder):
            return vae
        if not isinstance(vae, PatchAutoencoder):
            raise ConfigError(f"model.init: {model.init} is no patch autoencoder, whose latents a decoder could share")
        config = dict(vae.config) | {"reference_out_channels": model.out_channels, "reference_layers": model.layers}
        whole = cast(ReferenceAutoencoder, ReferenceAutoencoder.from_config(config))
        whole.load_state_dict(vae.state_dict(), strict=False)
        return whole.eval()

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Of a frame's latents."""
        vae = self.networks.vae
        side = vae.config["sample_size"] // vae.patch
        return vae.config["latent_channels"], side, side

    def loss(self, networks: nn.Module, batch: PairBatch) -> tuple[Tensor, dict[str, Tensor]]:
        noise, level = (draw.to(batch.frames.device) for draw in self.draw(batch.index.tolist()))
        predicted = batch.error.flatten(0, 1)
        noise = noise * (predicted.flatten(1) == 0).all(dim=1).view(-1, 1, 1, 1)  # a model's own errors are enough
        error = predicted + self.config.loss.latent_noise * level * noise
        drawing, picture, frames = self.drawn(networks, batch, error)
        parts = drawing_loss(
            drawing,
            picture,
            frames,
            batch.points.flatten(0, 1),
            batch.flow.flatten(0, 1),
            batch.visible.flatten(0, 1),
            self.config.loss,
        )
        return reduce(torch.add, parts.values()), parts

    def drawn(self, networks: nn.Module, batch: PairBatch, error: Tensor) -> tuple[Drawing, Tensor, Tensor]:
        """What becomes of a batch's frames.

        Args:
            networks: the module to call.
            batch: B references.
            error: of the frames' latents, in the scheduler's scale, (2B, L, h, w).

        Returns:
            The drawing, the references it is drawn over and the true frames, 2B of each.
        """
        vae = self.networks.vae
        count = batch.frames.shape[1]
        picture, frames = (value / 127.5 - 1 for value in (batch.reference, batch.frames.flatten(0, 1)))
        with torch.no_grad():
            side = picture.shape[-1] // 2
            small = interpolate(torch.cat([picture, frames]), (side, side), mode="area")
            latents = cast(Any, vae.encode(small)).latent_dist.mode()
            theirs, own = latents[: len(batch)], latents[len(batch) :] + error / self.scale
            plain = cast(Any, vae.decode(own)).sample
        drawing = networks(picture, theirs, own, plain)
        return drawing.float(), picture.repeat_interleave(count, 0), frames

    def draw(self, numbers: list[int]) -> tuple[Tensor, Tensor]:
        """Of B samples: noise (2B, L, h, w), alike in neighboring frames, and its level in [0, 1), (2B, 1, 1, 1)."""
        loss = self.config.loss
        noises, levels = [], []
        for number in numbers:
            seed = int(np.random.SeedSequence((0x2EF, self.seed, number)).generate_state(1)[0])
            generator = torch.Generator().manual_seed(seed)
            noise = torch.randn(2, *self.latent_shape, generator=generator)
            noise = correlate_noise(noise, loss.noise_correlation)
            level, smooth = torch.rand(2, generator=generator)
            noises.append(smooth_in_space(noise) if smooth < loss.smooth_noise else noise)
            levels.append(level.expand(2))
        return torch.cat(noises), torch.cat(levels).view(-1, 1, 1, 1)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """The autoencoder with its reference decoder."""
        vae = cast(ReferenceAutoencoder, ReferenceAutoencoder.from_config(self.networks.vae.config))
        vae.load_state_dict({name.removeprefix("vae."): tensor.float() for name, tensor in weights.items()})
        vae.save_pretrained(folder)

    def validate(self, networks: ReferenceDecoderNetworks, folder: Path) -> dict[str, float]:
        """Held-out people, from true latents and from disturbed ones: `drawings.png` shows references, true frames,
        frames as drawn, the portrait moved by flow alone, visibility and paint; `scores.json` and the log have the
        PSNR of pictures, around mouths and eyes, and of moved portraits, in dB; what is left of the Laplacian's power,
        the mean error of flow in pixels, and change between neighboring frames over the true one's."""
        samples = self.samples("test")
        count = min(self.config.validated, len(samples.paths))
        batches = [samples[number].to(self.device) for number in range(count)]
        scores, sheet = {}, []
        for name, share in (("true", 0.0), ("disturbed", DISTURBED)):
            rows = []
            for batch in batches:
                noise, _ = self.draw(batch.index.tolist())
                error = share * self.config.loss.latent_noise * noise.to(self.device)
                drawn = self.drawn(networks, batch, error)
                rows.append(self._figures(*drawn, batch))
                if not share and len(sheet) < SHOWN:
                    sheet.append(drawn)
            scores |= {f"{name}/{key}": float(np.mean([row[key] for row in rows])) for key in rows[0]}
        drawing_sheet(sheet).save(folder / "drawings.png")
        (folder / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        return scores

    def _figures(self, drawing: Drawing, picture: Tensor, frames: Tensor, batch: PairBatch) -> dict[str, float]:
        moved = drawing.moved(picture)
        drawn = drawing.over(moved)
        points, flow, visible = (value.flatten(0, 1) for value in (batch.points, batch.flow, batch.visible))
        weight = picture_weight(points, frames.shape[-2], frames.shape[-1], self.config.loss) - 1
        error = (visible * (interpolate(drawing.flow, flow.shape[-2:], mode="area") - flow)).norm(dim=1)
        change, true_change = (values[1::2] - values[::2] for values in (drawn, frames))
        values = {
            "psnr": psnr(drawn, frames).mean(),
            "features_psnr": psnr(drawn, frames, weight + 1e-6).mean(),
            "moved_psnr": psnr(moved, frames).mean(),
            "sharpness": detail(drawn).square().mean() / detail(frames).square().mean(),
            "flow_error": error.sum() / visible.sum() * frames.shape[-1] / 2,
            "change": change.abs().mean() / true_change.abs().mean(),
        }
        return {name: float(value) for name, value in values.items()}
