"""What the three stages have in common; what tells them apart stands in their scripts."""

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import Batch, ClipDataset, StepSampler, cache_path, check_cache, emo_features
from emo.errors import ConfigError
from emo.pipelines import EMOPipeline
from emo.training.emo.draws import Draws, draw
from emo.training.emo.encoders import FrozenEncoders
from emo.training.emo.networks import EMONetworks
from emo.training.emo.stage_config import EMOConfig
from emo.training.emo.start import starting_pipeline
from emo.training.loader import sample_loader
from emo.training.lora import add_lora, merge_lora
from emo.training.objective import Objective, configure_noise, configure_scheduler


class EMOStage(ABC):
    """Base of the stages, for `emo.training.loop.train`. A stage adds:

    video: whether samples are clips of n + F frames or single ones, each at a time of its own.
    targets: how many single ones.
    trains(name): whether it trains a parameter of `EMONetworks`.
    prepare_inputs(batch, draws): the networks' conditions; see `EMONetworks.forward`.
    rates(): probabilities of dropping, by condition.
    """

    video: bool
    targets = 1

    def __init__(self, config: EMOConfig, accelerator: Accelerator):
        self.config, self.seed, self.batch_size = config, config.train.seed, config.data.batch_size
        pipe = starting_pipeline(config.model, self.seed)
        pipe = EMOPipeline(**{**pipe.components, "scheduler": configure_scheduler(pipe.scheduler, config.objective)})
        configure_noise(pipe.unet, config.objective)
        self.pipe, self.networks = pipe, EMONetworks.of(pipe)
        multiple = pipe.vae_scale_factor * 2 ** (len(pipe.unet.config.block_out_channels) - 1)
        if config.data.size and config.data.size % multiple:
            raise ConfigError(f"data.size is {config.data.size}; these networks need a multiple of {multiple}")
        self.frames = pipe.unet.config.num_frames if self.video else self.targets
        self.motion_frames = pipe.unet.config.num_motion_frames
        self.neighbors = pipe.audio_projection.config.num_neighbors
        self.encoders = FrozenEncoders(pipe, accelerator.device, bf16=accelerator.mixed_precision == "bf16")
        self.objective = Objective(pipe.scheduler, config.objective)

        trainable = [name for name in self.reached() if self.trains(name)]
        self.lora_scale = None
        if (lora := getattr(config, "lora", None)) and lora.rank:  # stage 2 alone has it
            trainable = add_lora(self.networks, set(trainable), lora.rank, lora.alpha)
            self.lora_scale = lora.alpha / lora.rank
        self.trainable = frozenset(trainable)
        for name, parameter in self.networks.named_parameters():
            parameter.requires_grad_(name in self.trainable)

        for unet in (pipe.unet, pipe.reference_unet):
            if config.model.gradient_checkpointing:
                unet.enable_gradient_checkpointing()
            if config.model.attention_backend:
                _set_attention_backend(unet, config.model.attention_backend)

    @abstractmethod
    def trains(self, name: str) -> bool: ...

    @abstractmethod
    def rates(self) -> dict[str, float]: ...

    @abstractmethod
    def prepare_inputs(self, batch: Batch, draws: Draws) -> dict[str, Tensor]: ...

    @torch.enable_grad()
    def reached(self) -> list[str]:
        """Names of the parameters on which the loss depends, found by a step on the meta device.

        Others must not be in the optimizer: in stage 1 the ReferenceNet's layers behind the last reference map feed
        motion maps only, and DDP would wait for their gradients for ever.
        """
        networks = self.networks.blank_copy()
        self.loss(networks, self.example_batch())[0].backward()
        return [name for name, parameter in networks.named_parameters() if parameter.grad is not None]

    def example_batch(self, batch_size: int = 1) -> Batch:
        """A batch of the shapes that the loader yields, on the meta device; it has sizes but no values."""
        unet, audio, size = self.pipe.unet.config, self.pipe.audio_projection.config, self.pipe.unet.config.sample_size
        frames = self.frames + self.motion_frames if self.video else self.frames
        latent, pixels = (unet.in_channels, size, size), size * self.pipe.vae_scale_factor
        empty = lambda *shape: torch.empty(batch_size, *shape, device="meta")
        window = (self.frames, 2 * self.neighbors + 1)
        return Batch(
            index=torch.arange(batch_size),
            reference=None,
            frames=None,
            reference_latents=empty(*latent),
            latents=empty(frames, *latent),
            face_mask=empty(1, pixels, pixels),
            mouth=empty(frames, 3),
            speed=empty(*window) if self.video else None,
            audio=empty(*window, audio.num_layers, audio.layer_dim) if self.video else None,
            sound=None,
            clips=("",) * batch_size,
        )

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        """One group; see `Stage`."""
        return [{"params": [p for p in self.networks.parameters() if p.requires_grad], "lr": learning_rate}]

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        """See `Stage`."""
        data = self.config.data
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        pin_memory = self.encoders.device.type == "cuda"
        return sample_loader(self.dataset(), Batch.collate, sampler, data.workers, pin_memory=pin_memory)

    def dataset(self) -> torch.utils.data.Dataset:
        """Samples by number, each a `Batch` of one."""
        data, pipe = self.config.data, self.pipe
        size = data.size or pipe.unet.config.sample_size * pipe.vae_scale_factor
        features = emo_features(pipe.vae, pipe.audio_encoder, pipe.feature_extractor)
        cache = check_cache(cache_path(data.root, features, size)) if data.cache else None
        return ClipDataset(
            data.root,
            video=self.video,
            targets=self.targets,
            num_frames=pipe.unet.config.num_frames,
            num_motion_frames=self.motion_frames,
            num_neighbors=self.neighbors,
            split=data.split,
            seed=self.seed,
            size=size,
            cache=cache,
        )

    def loss(self, networks: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Noise the F frames (3.1), predict under the stage's conditions, compare."""
        reference_latents, latents = self.encoders.latents(batch)
        target = latents[:, -self.frames :]
        draws = draw(
            batch.index.tolist(),
            self.seed,
            target.shape[1:],
            self.motion_frames,
            self.rates(),
            noise_correlation=self.pipe.unet.config.noise_correlation if self.video else 0.0,
            own_times=not self.video,
        ).to(target.device)
        timestep = self.objective.timestep(draws.time)
        prediction = networks(
            sample=self.objective.noisy(target, draws.noise, timestep),
            timestep=timestep,
            reference_latents=reference_latents,
            face_mask=batch.face_mask,
            kept=draws.kept,
            **self.prepare_inputs(replace(batch, latents=latents), draws),
        )
        mouth = batch.mouth[:, -self.frames :]
        return self.objective.loss(prediction, target, draws.noise, timestep, mouth, batch.face_mask.shape[-2])

    def motion_latents(self, batch: Batch, draws: Draws, noise: float) -> Tensor:
        """The motion frames' latents (B, n, L, h, w) with up to `noise` of noise: generated ones are not perfect."""
        level = noise * draws.motion_level.view(-1, 1, 1, 1, 1)
        return batch.latents[:, : self.motion_frames] + level * draws.motion_noise

    def audio(self, batch: Batch) -> Tensor:
        """Audio windows (B, F, 2m+1, layers, width)."""
        return self.encoders.audio(batch, self.frames, self.neighbors)

    def describe(self, batch: Batch) -> str:
        """The clips of a batch."""
        return ", ".join(f"{clip} (sample {g})" for clip, g in zip(batch.clips, batch.index.tolist(), strict=True))

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """Write a pipeline folder that `EMOPipeline.from_pretrained` loads."""
        if self.lora_scale is not None:
            weights = merge_lora(weights, self.lora_scale)
        networks = self.networks.blank_copy()
        networks.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, assign=True)
        self.pipeline(networks).save_pretrained(folder)

    def pipeline(self, networks: EMONetworks) -> EMOPipeline:
        """The pipeline with these networks in it."""
        return EMOPipeline(**{**self.pipe.components, **networks.parts()})

    @abstractmethod
    def validate(self, networks: EMONetworks, folder: Path) -> dict[str, float]:
        """See `Stage`."""


def _set_attention_backend(unet: nn.Module, backend: str) -> None:
    try:
        unet.set_attention_backend(backend)
        # Of `_native_math`, on the CPU too whatever the name says: without it bf16 is computed in float32.
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    except (ValueError, RuntimeError, ImportError) as error:
        raise ConfigError(f"model.attention_backend={backend}: {error}") from None
