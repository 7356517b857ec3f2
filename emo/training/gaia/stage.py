"""GAIA's speech-to-motion model, trained on latents of an autoencoder that stays as it is (4.2). See docs/gaia.md."""

import json
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipReader, SampledClips, StepSampler
from emo.data.samples.emo_features import AUDIO, audio_feature
from emo.data.samples.motion_latents import LATENTS, motion_latent_feature
from emo.errors import ConfigError
from emo.hub.gaia_config import load_gaia_config
from emo.motion import MotionTrack
from emo.motion.gaia import MotionAppearanceVAE, latent_space, measured_latents, vp_sde_scheduler
from emo.motion.gaia.speech import POSE, pose_space
from emo.pipelines import GAIAPipeline
from emo.pipelines.gaia_motion import SequenceSampler
from emo.training.cached_features import NO_PICTURES, cached_features
from emo.training.clips import check_one_rate, clip_angles, clip_audio
from emo.training.emo.draws import draw
from emo.training.gaia.config import GAIAMotionConfig
from emo.training.gaia.figures import GeneratedLatents, latent_figures
from emo.training.gaia.networks import PARTS, GAIAMotionNetworks, new_networks, trained_networks
from emo.training.gaia.samples import SequenceBatch, SequenceDrawer, clip_latents
from emo.training.loader import sample_loader
from emo.training.loading import copied_parts, load_hearing, load_part
from emo.training.motion_loss import masked_mean
from emo.training.motion_units import keep_units
from emo.training.objective import Objective, ObjectiveConfig
from emo.training.stage import Stage, name_samples

UNITS = ("space",)  # of a network's config: what its numbers mean


class GAIAMotionStage(Stage[GAIAMotionNetworks, SequenceBatch]):
    """See `emo.training.stage.Stage`."""

    config: GAIAMotionConfig

    def __init__(self, config: GAIAMotionConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        encoder, extractor = load_hearing(config.model.audio_encoder, self.device)
        self.vae = load_part(MotionAppearanceVAE, config.model.vae, "autoencoder of GAIA").to(self.device).eval()
        self.kept = {"vae": self.vae, "audio_encoder": encoder, "feature_extractor": extractor}
        features = {AUDIO: audio_feature(encoder, extractor), LATENTS: motion_latent_feature(self.vae)}
        self.cache = cached_features(config.data.root, features, accelerator)
        self.reader = self._reader(config.data.split)
        if config.train.validate_every:
            self._reader(config.data.held_out)  # now, and not after hours
        self.audio_dim = encoder.config.num_hidden_layers * encoder.config.hidden_size
        self.networks = self._networks()
        longest = self.networks.denoiser.config["max_length"]
        if config.data.max_frames > longest:
            raise ConfigError(f"data.max_frames is {config.data.max_frames}, more than the model's {longest}")
        keep_units(accelerator, self.networks.denoiser, UNITS)
        keep_units(accelerator, self.networks.pose_predictor, UNITS, "pose_units.json")
        self.scheduler = vp_sde_scheduler()
        self.objective = Objective(self.scheduler, ObjectiveConfig())

    def _reader(self, split: str) -> ClipReader:
        """Clips of a split with sound and labels of the head's angles.

        Raises:
            DatasetError, ConfigError: there is none, or they are of several rates.
        """
        reader = ClipReader(
            self.config.data.root, split, with_sound=True, with_labels=POSE, size=NO_PICTURES, cache=self.cache
        )
        check_one_rate(reader)
        return reader

    def _networks(self) -> GAIAMotionNetworks:
        """Trained ones, or new ones, whose units are those of the clips."""
        model, space = self.config.model, latent_space(self.vae.motion_shape)
        fps, clips = str(self.reader.clips[0].rate), range(len(self.reader))
        if model.init:
            return trained_networks(model.init, space, self.audio_dim, fps)
        return new_networks(
            load_gaia_config(model.config),
            space=measured_latents(space, torch.cat([clip_latents(self.reader, number) for number in clips])),
            pose_space=pose_space().measured(torch.cat([clip_angles(self.reader, number) for number in clips])),
            token_channels=self.vae.config["motion_channels"],
            audio_dim=self.audio_dim,
            fps=fps,
            seed=self.seed,
        )

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data, networks = self.config.data, self.networks
        drawer = SequenceDrawer(
            networks.denoiser.space, networks.pose_predictor.space, data.min_frames, data.max_frames
        )
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        return sample_loader(
            SampledClips(self.reader, drawer, self.seed), SequenceBatch.collate, sampler, data.workers
        )

    def loss(self, networks: nn.Module, batch: SequenceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared errors of the latents at a random time, and of predicted poses (eq. 10)."""
        length, device = batch.motion.shape[1], batch.motion.device
        whole = (self.config.data.max_frames, batch.motion.shape[2])  # whatever the others of the batch are
        draws = draw(batch.index.tolist(), self.seed, whole, 0, vars(self.config.drop)).to(device)
        timestep = self.objective.timestep(draws.time)
        found, poses = networks(
            self.objective.noisy(batch.motion, draws.noise[:, :length], timestep),
            timestep,
            audio=batch.audio,
            pose=batch.pose,
            reference=batch.reference,
            has_speech=draws.keep["speech"].bool(),
            has_reference=draws.keep["reference"].bool(),
            frame_mask=batch.frame_mask,
        )
        latent = masked_mean((found.float() - batch.motion).square(), batch.frame_mask)
        pose = masked_mean((poses.float() - batch.pose).square(), batch.frame_mask)
        return latent + self.config.pose_weight * pose, {"latent": latent, "pose": pose}

    def describe(self, batch: SequenceBatch) -> str:
        return name_samples(batch.names, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """Write a pipeline folder that `GAIAPipeline.from_pretrained` loads."""
        scheduler: Any = self.scheduler
        learned = copied_parts(self.networks, tuple(PARTS), weights)
        GAIAPipeline(**learned, **self.kept, scheduler=scheduler).save_pretrained(folder)

    def validate(self, networks: GAIAMotionNetworks, folder: Path) -> dict[str, float]:
        """Latents of held-out clips from their poses with their own sounds and with others', the own in a file for
        each; and `latent_figures`, logged and in `scores.json`."""
        reader = self._reader(self.config.data.held_out)
        count = min(self.config.validation.clips, len(reader))
        motions = [self._generated(networks, reader, n, (n + 1) % count) for n in range(count)]
        for motion in motions:
            motion.made.save(folder / f"{motion.name}.safetensors")
        config = networks.denoiser.config
        found = latent_figures(motions, config["max_length"] - config["overlap"])
        (folder / "scores.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return found

    def _generated(
        self, networks: GAIAMotionNetworks, reader: ClipReader, number: int, other: int
    ) -> GeneratedLatents:
        """What is made of a clip's sound, and of another's."""
        space, turns, rate = networks.denoiser.space, networks.pose_predictor.space, reader.clips[number].rate
        true, pose, audio = (read(reader, number) for read in (clip_latents, clip_angles, clip_audio))

        def made(heard: Tensor) -> MotionTrack:
            sampler = SequenceSampler(
                networks.denoiser,
                networks.speech_encoder,
                networks.pose_predictor,
                cast(Any, self.scheduler),
                self.device,
                space.normalize(true[0]),
                num_steps=self.config.validation.num_inference_steps,
                generator=torch.Generator().manual_seed(self.config.validation.seed + number),
            )
            windows = sampler.windows(
                lambda start, stop: heard[start:stop], len(heard), turn=lambda start, stop: pose[start:stop]
            )
            return MotionTrack(torch.cat([window.values for window in windows]), rate, space)

        with torch.no_grad():
            predicted = networks.pose_predictor(audio[None].to(self.device))[0].float().cpu()
        return GeneratedLatents(
            name=Path(reader.clips[number].file_name).stem,
            made=made(audio),
            swapped=made(clip_audio(reader, other)[: len(audio)]),
            true=MotionTrack(true, rate, space),
            poses=MotionTrack(turns.denormalize(predicted), rate, turns),
            true_poses=MotionTrack(pose, rate, turns),
        )
