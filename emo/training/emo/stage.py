"""What the stages have in common."""

from abc import abstractmethod
from pathlib import Path
from typing import Generic, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from emo.data import ClipDataset, StepSampler, cache_path, check_cache, emo_features
from emo.data.batch import Batch
from emo.errors import ConfigError
from emo.pipelines import EMOPipeline
from emo.training.emo.config import EMOConfig
from emo.training.emo.draws import Draws, draw
from emo.training.emo.encoders import EncodedBatch, FrozenEncoders
from emo.training.emo.networks import EMONetworks
from emo.training.emo.objective import EMOObjective, Features, configure_noise
from emo.training.emo.start import starting_pipeline
from emo.training.emo.validation import check_validation
from emo.training.loader import sample_loader
from emo.training.lora import LoraConfig, add_lora, merge_lora
from emo.training.objective import configure_scheduler
from emo.training.stage import Stage, name_samples
from emo.unets.structure import UNet

ConfigT = TypeVar("ConfigT", bound=EMOConfig)


class EMOStage(Stage[EMONetworks, Batch], Generic[ConfigT]):
    """Base of the stages, for `emo.training.loop.train`. A stage adds:

    - `video`, whether samples are clips of n + F frames or single ones, each at a time of its own;
    - `targets`, how many single ones;
    - `trains(name)`, whether it trains a parameter of `EMONetworks`;
    - `drop_probabilities()`, how often conditions are dropped;
    - `prepare_inputs(batch, draws)`, the networks' conditions beside reference and mask;
    - `validate(networks, folder)`.

    Args:
        config: of the stage.
        accelerator: of the run; where and in what precision to compute.
        lora: adapters to train in place of whole weights, if any.
    """

    video: bool
    targets = 1
    config: ConfigT

    def __init__(self, config: ConfigT, accelerator: Accelerator, lora: LoraConfig | None = None):
        if config.train.validate_every:
            check_validation(config.validation, sounds=self.video)
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        pipe = self.prepare(starting_pipeline(config.model, self.seed))
        scheduler = configure_scheduler(pipe.scheduler, config.objective)
        pipe = EMOPipeline(**{**pipe.components, "scheduler": scheduler})
        configure_noise(pipe.unet, config.objective)
        self.pipe = pipe
        self.networks = EMONetworks.of(pipe)
        multiple = pipe.vae_scale_factor * 2 ** (len(pipe.unet.config["block_out_channels"]) - 1)
        if config.data.size and config.data.size % multiple:
            raise ConfigError(f"data.size is {config.data.size}; these networks need a multiple of {multiple}")
        self.frames = pipe.unet.config["num_frames"] if self.video else self.targets
        self.motion_frames = pipe.unet.config["num_motion_frames"]
        self.neighbors = pipe.audio_projection.config["num_neighbors"]
        self.encoders = FrozenEncoders(
            pipe,
            accelerator.device,
            bf16=accelerator.mixed_precision == "bf16",
            num_frames=self.frames,
            num_neighbors=self.neighbors,
        )
        self.objective = EMOObjective(scheduler, config.objective, pipe.unet.config["strength"])

        trainable = [name for name in self.parameters_with_gradients() if self.trains(name)]
        self.lora_scale = None
        if lora is not None and lora.rank:
            trainable = add_lora(self.networks, set(trainable), lora)
            self.lora_scale = lora.alpha / lora.rank
        self.trainable = frozenset(trainable)
        for name, parameter in self.networks.named_parameters():
            parameter.requires_grad_(name in self.trainable)

        for unet in (pipe.unet, pipe.reference_unet):
            if config.model.gradient_checkpointing:
                unet.enable_gradient_checkpointing()
            if config.model.attention_backend:
                set_attention_backend(unet, config.model.attention_backend)

    def prepare(self, pipe: EMOPipeline) -> EMOPipeline:
        """The pipeline whose networks train, made of the one that the stage starts from."""
        return pipe

    @abstractmethod
    def trains(self, name: str) -> bool:
        """Whether this stage trains a parameter of `EMONetworks`."""

    @abstractmethod
    def prepare_inputs(self, batch: EncodedBatch, draws: Draws) -> dict[str, Tensor | None]:
        """Motion frames, audio and speed, as far as the stage has them; see `EMONetworks.forward`."""

    @abstractmethod
    def drop_probabilities(self) -> dict[str, float]:
        """By condition, all of them in the draws' order; see `DropConfig.probabilities`."""

    @torch.enable_grad()
    def parameters_with_gradients(self) -> list[str]:
        """Names of the parameters on which the loss depends, found by a step on the meta device.

        Others must not be in the optimizer: in stage 1 the ReferenceNet's layers behind the last reference map feed
        motion maps only, and DDP would wait for their gradients for ever.
        """
        networks = self.networks.blank_copy()
        self.loss(networks, self.example_batch())[0].backward()
        return [name for name, parameter in networks.named_parameters() if parameter.grad is not None]

    def example_batch(self, batch_size: int = 1) -> EncodedBatch:
        """A batch of the shapes that `loss` is given, on the meta device; it has sizes but no values."""
        unet = self.pipe.unet.config
        audio = self.pipe.audio_projection.config
        size, channels = unet["sample_size"], unet["in_channels"]
        pixels = size * self.pipe.vae_scale_factor
        frames = self.frames + self.motion_frames if self.video else self.frames
        window = (batch_size, self.frames, 2 * self.neighbors + 1)
        hidden = (audio["num_layers"], audio["layer_dim"])
        return EncodedBatch(
            index=torch.arange(batch_size),
            reference_latents=torch.empty(batch_size, channels, size, size, device="meta"),
            latents=torch.empty(batch_size, frames, channels, size, size, device="meta"),
            face_mask=torch.empty(batch_size, 1, pixels, pixels, device="meta"),
            mouth=torch.empty(batch_size, frames, 3, device="meta"),
            eyes=torch.empty(batch_size, frames, 2, 3, device="meta"),
            audio=torch.empty(*window, *hidden, device="meta") if self.video else None,
            speed=torch.empty(*window, device="meta") if self.video else None,
        )

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        """See `Stage`."""
        data = self.config.data
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        pin_memory = self.encoders.device.type == "cuda"
        return sample_loader(self.dataset(), Batch.collate, sampler, data.workers, pin_memory=pin_memory)

    def dataset(self, split: str | None = None) -> Dataset[Batch]:
        """Samples by number, each a `Batch` of one; of the split to learn from, or another one."""
        data = self.config.data
        pipe = self.pipe
        size = data.size or pipe.unet.config["sample_size"] * pipe.vae_scale_factor
        features = emo_features(pipe.vae, pipe.audio_encoder, pipe.feature_extractor)
        cache = check_cache(cache_path(data.root, features, size)) if data.cache else None
        return ClipDataset(
            data.root,
            video=self.video,
            targets=self.targets,
            num_frames=pipe.unet.config["num_frames"],
            num_motion_frames=self.motion_frames,
            num_neighbors=self.neighbors,
            split=split or data.split,
            seed=self.seed,
            size=size,
            cache=cache,
            max_speed=data.max_speed,
        )

    def encode(self, batch: Batch) -> EncodedBatch:
        """Latents and audio features of a batch."""
        return self.encoders(batch)

    def loss(self, networks: nn.Module, batch: EncodedBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Noise the F frames (3.1), predict under the stage's conditions, compare."""
        target = batch.latents[:, -self.frames :]
        draws = self.draws(batch)
        noise = self.objective.noise(draws.noise, target, batch.reference_latents)
        timestep = self.objective.timestep(draws.time)
        prediction = networks(
            sample=self.objective.noisy(target, noise, timestep),
            timestep=timestep,
            reference_latents=batch.reference_latents,
            face_mask=batch.face_mask,
            keep=draws.keep,
            **self.prepare_inputs(batch, draws),
        )
        return self.objective.loss(prediction, target, noise, timestep, self.features(batch))

    def draws(self, batch: EncodedBatch) -> Draws:
        """What is random of a batch, on its device."""
        return draw(
            batch.index.tolist(),
            self.seed,
            batch.latents[:, -self.frames :].shape[1:],
            self.motion_frames,
            self.drop_probabilities(),
            noise_correlation=self.pipe.unet.config["noise_correlation"] if self.video else 0.0,
            per_frame_timesteps=not self.video,
        ).to(batch.latents.device)

    def features(self, batch: EncodedBatch) -> Features:
        """Where mouths and eyes are in the frames that are drawn."""
        return Features(batch.mouth[:, -self.frames :], batch.eyes[:, -self.frames :], batch.face_mask.shape[-2])

    def noisy_motion_frames(self, batch: EncodedBatch, draws: Draws, noise: float) -> Tensor:
        """The motion frames' latents (B, n, L, h, w) with up to `noise` of noise: generated ones are not perfect."""
        level = noise * draws.motion_level.view(-1, 1, 1, 1, 1)
        return batch.latents[:, : self.motion_frames] + level * draws.motion_noise

    def describe(self, batch: Batch) -> str:
        """The clips of a batch."""
        return name_samples(batch.clips, batch.index)

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


def set_attention_backend(unet: UNet, backend: str) -> None:
    """Choose the kernels of a network's attention, as `model.attention_backend` names them.

    Raises:
        ConfigError: there are no such kernels here.
    """
    try:
        unet.set_attention_backend(backend)
        # Of `_native_math`, on the CPU too whatever the name says: without it bf16 is computed in float32.
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    except (ValueError, RuntimeError, ImportError) as error:
        raise ConfigError(f"model.attention_backend={backend}: {error}") from None
