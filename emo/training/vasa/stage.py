"""VASA-1's motion model, trained on labels for every control, or on a face model's codes (3.2). See docs/vasa.md."""

import json
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader

from emo.data import ClipReader, SampledClips, StepSampler
from emo.data.samples.emo_features import AUDIO, audio_feature
from emo.data.samples.motion_codes import motion_feature
from emo.errors import ConfigError
from emo.motion import CONTROLS, MeshAnimator, MotionTrack
from emo.motion.vasa import CONDITIONS, HolisticMotionTransformer, VolumeAnimator
from emo.pipelines import VASAPipeline
from emo.pipelines.vasa_conditions import MotionControls
from emo.pipelines.vasa_motion import MotionSampler, generate_motion, motion_scheduler
from emo.training.cached_features import NO_PICTURES, cached_features
from emo.training.clips import check_one_rate, clip_audio
from emo.training.emo.draws import draw
from emo.training.loader import sample_loader
from emo.training.loading import load_hearing, load_part
from emo.training.motion_units import keep_units
from emo.training.objective import Objective, ObjectiveConfig
from emo.training.stage import Stage, name_samples
from emo.training.vasa.config import VASAMotionConfig
from emo.training.vasa.figures import Generated, figures
from emo.training.vasa.loss import motion_loss
from emo.training.vasa.samples import NAMED, MotionBatch, MotionLabel, WindowSampler, clip_motion

UNITS = ("space", "distance_mean", "distance_deviation")  # of a network's config: what its numbers mean


class VASAMotionStage(Stage[HolisticMotionTransformer, MotionBatch]):
    """See `emo.training.stage.Stage`."""

    config: VASAMotionConfig

    def __init__(self, config: VASAMotionConfig, accelerator: Accelerator):
        self.config = config
        self.seed = config.train.seed
        self.batch_size = config.data.batch_size
        self.device = accelerator.device
        encoder, extractor = load_hearing(config.model.audio_encoder, self.device)
        self.hearing = {"audio_encoder": encoder, "feature_extractor": extractor}
        self.animator, features, size = MeshAnimator(), {AUDIO: audio_feature(encoder, extractor)}, NO_PICTURES
        if config.model.animator:
            self.animator = load_part(VolumeAnimator, config.model.animator).to(self.device).eval()
            features, size = features | motion_feature(self.animator), self.animator.config["sample_size"]
        self.cache = cached_features(config.data.root, features, accelerator, size)
        self.named = self.animator.space.names == CONTROLS.names
        self.reader = self._reader(config.data.split)
        if config.train.validate_every:
            self._reader(config.data.held_out)  # now, and not after hours
        self.audio_dim = encoder.config.num_hidden_layers * encoder.config.hidden_size
        self.networks = self._trained(config.model.init) if config.model.init else self._new()
        keep_units(accelerator, self.networks, UNITS)
        self.scheduler = motion_scheduler()
        self.objective = Objective(self.scheduler, ObjectiveConfig())

    def _reader(self, split: str) -> ClipReader:
        """Clips of a split with sound and a label for every control.

        Raises:
            DatasetError, ConfigError: there is none, or they are of several rates.
        """
        reader = ClipReader(
            self.config.data.root,
            split,
            with_sound=True,
            with_labels=CONTROLS.names if self.named else (),
            size=NO_PICTURES,
            cache=self.cache,
        )
        check_one_rate(reader)
        return reader

    def _new(self) -> HolisticMotionTransformer:
        """A network of random weights, whose units are those of the clips."""
        space = self.animator.space
        values = torch.cat([clip_motion(self.reader, number, space) for number in range(len(self.reader))])
        labels = [MotionLabel.of(clip) for clip in self.reader.clips]
        known = [label.distance for label in labels if label.distance is not None]
        distance = torch.tensor(known) if len(known) > 1 else torch.tensor([0.5, 1.5])
        model = self.config.model
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return HolisticMotionTransformer(
                space=space.measured(values).to_dict(),
                audio_dim=self.audio_dim,
                emotions=list(NAMED),
                fps=str(self.reader.clips[0].rate),
                distance_mean=round(float(distance.mean()), 4),
                distance_deviation=max(round(float(distance.std()), 4), 1e-3),
                window_length=model.window_length,
                prefix_length=model.prefix_length,
                dim=model.dim,
                layers=model.layers,
                heads=model.heads,
            )

    def _trained(self, folder: str) -> HolisticMotionTransformer:
        """A trained network.

        Raises:
            WeightsError: there is none.
            ConfigError: it is of another sound, another motion or another rate.
        """
        network = load_part(HolisticMotionTransformer, folder)
        config, rate = network.config, self.reader.clips[0].rate
        known = network.space.names == self.animator.space.names and tuple(config["emotions"]) == NAMED
        if config["audio_dim"] != self.audio_dim or not known:
            raise ConfigError(f"model.init: {folder} has another audio encoder, another motion or other emotions")
        if network.fps != rate:
            raise ConfigError(f"model.init: {folder} is of {network.fps} frames per second, the clips of {rate}")
        return network

    def loader(self, start_batch: int, num_processes: int, process_index: int) -> DataLoader:
        config, network = self.config, self.networks.config
        windows = WindowSampler(
            self.networks.space, network["window_length"], network["prefix_length"], config.drop.tail
        )
        sampler = StepSampler(self.batch_size, num_processes, process_index, start_batch)
        samples = SampledClips(self.reader, windows, self.seed)
        return sample_loader(samples, MotionBatch.collate, sampler, config.data.workers)

    def loss(self, networks: nn.Module, batch: MotionBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared error of the motion at a random step (3.2)."""
        shape, prefix = batch.motion.shape[1:], batch.previous.shape[1]
        drops = self.config.drop.probabilities()
        draws = draw(batch.index.tolist(), self.seed, shape, prefix, drops).to(batch.motion.device)
        timestep = self.objective.timestep(draws.time)
        level = self.config.loss.previous_noise * draws.motion_level[:, None, None]
        kept = {name: draws.keep[name].bool() & batch.have[:, n] for n, name in enumerate(CONDITIONS)}
        found = networks(
            self.objective.noisy(batch.motion, draws.noise, timestep),
            timestep,
            audio=batch.audio,
            previous=batch.previous + level * draws.motion_noise,
            gaze=batch.gaze,
            distance=batch.distance,
            emotion=batch.emotion,
            kept=kept,
            frame_mask=batch.frame_mask,
        )
        mouth = self.networks.space.index("mouth" if self.named else "dynamics")
        return motion_loss(found, batch, kept["previous"], mouth, self.config.loss)

    def describe(self, batch: MotionBatch) -> str:
        return name_samples(batch.names, batch.index)

    def save(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """Write a pipeline folder that `VASAPipeline.from_pretrained` loads, with what draws its motion."""
        network = cast(HolisticMotionTransformer, HolisticMotionTransformer.from_config(self.networks.config))
        network.load_state_dict(weights)
        scheduler: Any = self.scheduler
        parts = {"animator": self.animator, "denoiser": network, "scheduler": scheduler, **self.hearing}
        VASAPipeline(**parts).save_pretrained(folder)

    def validate(self, networks: HolisticMotionTransformer, folder: Path) -> dict[str, float]:
        """Motion of held-out clips from their sounds and labels, in a file for each; and its `figures`, logged and in
        `scores.json`."""
        reader = self._reader(self.config.data.held_out)
        motions = [self._generate(networks, reader, n) for n in range(min(self.config.validation.clips, len(reader)))]
        for motion in motions:
            motion.made.save(folder / f"{motion.name}.safetensors")
        found = figures(motions, networks.config["window_length"])
        (folder / "scores.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return found

    def _generate(self, networks: HolisticMotionTransformer, reader: ClipReader, number: int) -> Generated:
        """The motion of a clip's sound and label."""
        config, label = self.config.validation, MotionLabel.of(reader.clips[number])
        emotion = None if label.emotion is None else dict(zip(NAMED, label.emotion.tolist(), strict=True))
        sampler = MotionSampler(
            networks,
            cast(Any, self.scheduler),
            self.device,
            MotionControls(label.gaze, label.distance, emotion),
            {"audio": config.audio_guidance_scale, "gaze": config.gaze_guidance_scale},
            config.num_inference_steps,
            generator=torch.Generator().manual_seed(config.seed + number),
        )
        made = generate_motion(sampler, clip_audio(reader, number))
        true = MotionTrack(clip_motion(reader, number, made.space), made.fps, made.space)
        return Generated(Path(reader.clips[number].file_name).stem, made, true, label)
