"""GAIA's speech-to-motion model, trained on latents of an autoencoder that stays as it is (4.2). See docs/gaia.md."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipReader, SampledClips, StepSampler
from emo.data.samples.emo_features import AUDIO, audio_feature
from emo.errors import ConfigError
from emo.hub.gaia_config import load_gaia_config
from emo.motion import MotionTrack
from emo.motion.gaia import MotionAppearanceVAE, PosePredictor, measured_latents, vp_sde_scheduler
from emo.motion.gaia.speech import POSE, pose_space
from emo.pipelines import GAIAPipeline
from emo.pipelines.gaia_motion import SequenceSampler
from emo.store import component_names
from emo.training.cached_features import NO_PICTURES, cached_features
from emo.training.clips import check_one_rate, clip_angles, clip_audio, clip_jaw
from emo.training.emo.draws import draw
from emo.training.gaia.config import GAIAMotionConfig
from emo.training.gaia.figures import GeneratedLatents, JawReading, motion_figures
from emo.training.gaia.networks import BESIDE, COMPONENTS, PARTS, GAIAMotionNetworks, new_networks, trained_networks
from emo.training.gaia.samples import SequenceBatch, SequenceDrawer, clip_motion
from emo.training.gaia.states import OF_LATENTS, STATES
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
    drawer_class: ClassVar[type[SequenceDrawer]] = SequenceDrawer
    batch_class: ClassVar[type[SequenceBatch]] = SequenceBatch

    def __init__(self, config: GAIAMotionConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        encoder, extractor = load_hearing(config.model.audio_encoder, self.device)
        self.vae = load_part(MotionAppearanceVAE, config.model.vae, "autoencoder of GAIA").to(self.device).eval()
        self.kept = {"vae": self.vae, "audio_encoder": encoder, "feature_extractor": extractor}
        self.state = STATES[config.state]
        features = {AUDIO: audio_feature(encoder, extractor), self.state.feature: self.state.made_by(self.vae)}
        self.cache = cached_features(config.data.root, features, accelerator)
        self.reader = self._reader(config.data.split)
        if config.train.validate_every:
            self._reader(config.data.held_out)  # now, and not after hours
        self.audio_dim = encoder.config.num_hidden_layers * encoder.config.hidden_size
        self.base, self.beside = self._base(), self._beside()
        self.networks = self._networks()
        self.pose_predictor = cast(PosePredictor, (self.base or self.networks).pose_predictor)
        self.scheduler = vp_sde_scheduler()
        learned = {name: getattr(self.networks, name) for name in COMPONENTS[config.state]}
        self._pipeline(learned)  # refuses what does not fit, now and not after hours
        longest = self.networks.denoiser.config["max_length"]
        if config.data.max_frames > longest:
            raise ConfigError(f"data.max_frames is {config.data.max_frames}, more than the model's {longest}")
        keep_units(accelerator, self.networks.denoiser, UNITS)
        if self.base is None:
            keep_units(accelerator, self.pose_predictor, UNITS, "pose_units.json")
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

    def _base(self) -> GAIAMotionNetworks | None:
        """The model of latents to which another is added; it stays as it is."""
        folder, fps = self.config.model.base, str(self.reader.clips[0].rate)
        if folder is None:
            return None
        space = STATES["latents"].space(self.vae)
        base = trained_networks(folder, space, self.audio_dim, fps, option="model.base")
        return base.requires_grad_(False).to(self.device).eval()

    def _networks(self) -> GAIAMotionNetworks:
        """Trained ones, or new ones, whose units are those of the clips."""
        config, model, space = self.config, self.config.model, self.state.space(self.vae)
        fps, clips = str(self.reader.clips[0].rate), range(len(self.reader))
        if model.init:
            return trained_networks(model.init, space, self.audio_dim, fps, state=config.state)
        angles = None if self.base else torch.cat([clip_angles(self.reader, number) for number in clips])
        return new_networks(
            load_gaia_config(model.config),
            space=measured_latents(space, torch.cat([self._motion(self.reader, number) for number in clips])),
            pose_space=None if angles is None else pose_space().measured(angles),
            token_channels=self.state.channels(self.vae),
            audio_dim=self.audio_dim,
            fps=fps,
            seed=self.seed,
        )

    def _motion(self, reader: ClipReader, number: int) -> Tensor:
        """What is generated, of all of a clip, (T, D)."""
        return clip_motion(reader, number, self.state.feature)

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        data, spaces = self.config.data, (self.networks.denoiser.space, self.pose_predictor.space)
        drawer = self.drawer_class(*spaces, data.min_frames, data.max_frames, self.state.feature)
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        return sample_loader(
            SampledClips(self.reader, drawer, self.seed), self.batch_class.collate, sampler, data.workers
        )

    def loss(self, networks: nn.Module, batch: SequenceBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared errors of the motion at a random time, and of poses where they are predicted (eq. 10)."""
        length, device = batch.motion.shape[1], batch.motion.device
        whole = (self.config.data.max_frames, batch.motion.shape[2])  # whatever the others of the batch are
        draws = draw(batch.index.tolist(), self.seed, whole, 0, vars(self.config.drop)).to(device)
        timestep = self.objective.timestep(draws.time)
        found, poses = networks(
            self.objective.noisy(batch.motion, draws.noise[:, :length], timestep),
            timestep,
            **self._conditions(batch, draws.keep["speech"].bool()),
            reference=batch.reference,
            has_reference=draws.keep["reference"].bool(),
            frame_mask=batch.frame_mask,
        )
        latent = masked_mean((found.float() - batch.motion).square(), batch.frame_mask)
        if poses is None:
            return latent, {self.state.scalar: latent}
        pose = masked_mean((poses.float() - batch.pose).square(), batch.frame_mask)
        return latent + self.config.pose_weight * pose, {self.state.scalar: latent, "pose": pose}

    def _conditions(self, batch: SequenceBatch, has_speech: Tensor) -> dict[str, Tensor]:
        """What is heard, as the networks take it.

        Args:
            batch: of sequences.
            has_speech: (B,) bool, which of them hear it.
        """
        return {"audio": batch.audio, "pose": batch.pose, "has_speech": has_speech}

    def describe(self, batch: SequenceBatch) -> str:
        return name_samples(batch.names, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """Write a pipeline folder that `GAIAPipeline.from_pretrained` loads."""
        names = tuple(COMPONENTS[self.config.state])
        self._pipeline(copied_parts(self.networks, names, weights)).save_pretrained(folder)

    def _pipeline(self, learned: Mapping[str, Any]) -> GAIAPipeline:
        """All of the model.

        Args:
            learned: networks that learn, by their names here.
        """
        components = COMPONENTS[self.config.state]
        return GAIAPipeline(**self._pipeline_parts(), **{components[name]: part for name, part in learned.items()})

    def _pipeline_parts(self) -> Mapping[str, Any]:
        """What of the model does not learn."""
        parts: dict[str, Any] = {**self.kept, "scheduler": self.scheduler}
        if self.base is not None:
            parts |= {name: getattr(self.base, name) for name in PARTS}
        return parts | self.beside

    def _beside(self) -> dict[str, Any]:
        """What the base has besides, which is not made anew here."""
        folder, made = self.config.model.base, COMPONENTS[self.config.state].values()
        names = [] if folder is None else component_names(Path(folder))
        return {
            name: load_part(kind, str(folder), subfolder=name)
            for name, kind in BESIDE.items()
            if name in names and name not in made
        }

    def validate(self, networks: GAIAMotionNetworks, folder: Path) -> dict[str, float]:
        """Motion of held-out clips from their poses with their own sounds and with others', the own in a file for
        each; and `motion_figures`, logged and in `scores.json`."""
        reader = self._reader(self.config.data.held_out)
        count = min(self.config.validation.clips, len(reader))
        motions = [self._generated(networks, reader, n, (n + 1) % count) for n in range(count)]
        for motion in motions:
            motion.made.save(folder / f"{motion.name}.safetensors")
        found = motion_figures(motions, networks.denoiser.window_length, self.state.part, self._reading)
        (folder / "scores.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return found

    @cached_property
    def _reading(self) -> JawReading | None:
        """What latents of clips that are learned from say of the jaw, where these are labeled with it."""
        if self.state is not OF_LATENTS:
            return None
        known = [(n, jaw) for n in range(len(self.reader)) if (jaw := clip_jaw(self.reader, n)) is not None]
        return JawReading.fitted((self._motion(self.reader, n), jaw) for n, jaw in known) if known else None

    def _generated(
        self, networks: GAIAMotionNetworks, reader: ClipReader, number: int, other: int
    ) -> GeneratedLatents:
        """What is made of a clip's sound, and of another's."""
        predictor = networks.pose_predictor or self.pose_predictor
        space, turns, rate = networks.denoiser.space, predictor.space, reader.clips[number].rate
        true, pose, audio = (read(reader, number) for read in (self._motion, clip_angles, clip_audio))
        frames = len(audio)
        wanted = torch.full_like(true, torch.nan)
        columns = space.index(*self.state.wanted)
        wanted[:, columns] = true[:, columns]

        def made(source: int) -> MotionTrack:
            speech_encoder, heard = self._heard(networks, reader, source, frames)
            sampler = SequenceSampler(
                networks.denoiser,
                speech_encoder,
                predictor,
                cast(Any, self.scheduler),
                self.device,
                space.normalize(true[0]),
                num_steps=self.config.validation.num_inference_steps,
                generator=torch.Generator().manual_seed(self.config.validation.seed + number),
            )
            windows = sampler.windows(
                lambda start, stop: heard[start:stop],
                len(heard),
                turn=lambda start, stop: pose[start:stop],
                want=lambda start, stop: wanted[start:stop],
            )
            return MotionTrack(torch.cat([window.values for window in windows]), rate, space)

        with torch.no_grad():
            predicted = predictor(audio[None].to(self.device))[0].float().cpu()
        return GeneratedLatents(
            name=Path(reader.clips[number].file_name).stem,
            made=made(number),
            swapped=made(other),
            true=MotionTrack(true, rate, space),
            poses=MotionTrack(turns.denormalize(predicted), rate, turns),
            true_poses=MotionTrack(pose, rate, turns),
            jaw=clip_jaw(reader, number),
        )

    def _heard(self, networks: Any, reader: ClipReader, number: int, frames: int) -> tuple[Any, Tensor]:
        """What hears, and what is heard in a clip's first frames, (n, A)."""
        return networks.speech_encoder, clip_audio(reader, number)[:frames]
