"""Stage 4: a copy of the backbone learns to do in few steps what it did in many under guidance.

The student is trained on the very way that generation takes: from the portrait's latents with noise, or from noise
alone, by the sampler with which it is saved. In the first share of the training it learns the teacher's guided
predictions on the teacher's way. Then it learns few steps by one of the `METHODS`; unless told otherwise it goes its
own way, and is taught after each step where the teacher, from the same noise, has got to by then. Guidance is told as
in https://arxiv.org/abs/2210.03142.
"""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from emo.data.batch import Batch
from emo.generation.sampling import OnStep, ask_steps, sample, taken_timesteps
from emo.pipelines import EMOPipeline
from emo.training.emo.draws import Draws
from emo.training.emo.encoders import EncodedBatch
from emo.training.emo.networks import EMONetworks
from emo.training.emo.objective import configure_noise, register
from emo.training.emo.stage import EMOStage, set_attention_backend
from emo.training.emo.validation import validate_clips
from emo.training.emo_distillation.case import Case, Predict, guidance_errors
from emo.training.emo_distillation.config import SPACING, DistillationConfig
from emo.training.emo_distillation.ddim import DDIM, END
from emo.training.emo_distillation.methods import METHODS
from emo.training.emo_distillation.teacher import Teacher, Trajectory, student_of
from emo.training.stage import StageStep

TOLD = ("audio", "reference")  # in the draws' order
PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


class DistillationStage(EMOStage[DistillationConfig]):
    """Clips with sound and head rotation speeds; of the networks the backbone alone trains."""

    video = True

    def __init__(self, config: DistillationConfig, accelerator: Accelerator):
        self.ranges = config.distillation.ranges()
        super().__init__(config, accelerator)
        self.precision = PRECISIONS.get(accelerator.mixed_precision)
        self.teacher.unet.to(accelerator.device)
        strength = self.pipe.unet.config["strength"]
        self.teacher.check_passes(taken_timesteps(self.pipe.scheduler, self.asked, strength))
        if config.model.attention_backend:
            set_attention_backend(self.teacher.unet, config.model.attention_backend)

    def prepare(self, pipe: EMOPipeline) -> EMOPipeline:
        config = self.config.distillation
        configure_noise(pipe.unet, self.config.objective)
        strength = pipe.unet.config["strength"]
        own: Any = pipe.scheduler
        scheduler = type(own).from_config(own.config, timestep_spacing=SPACING)
        self.teacher = Teacher(pipe.unet, scheduler, config.teacher_steps, strength)
        student = student_of(pipe.unet, list(self.ranges))
        self.asked = ask_steps(config.steps, strength)
        given = {
            "num_inference_steps": self.asked,
            "audio_guidance_scale": config.audio_guidance_scale,
            "reference_guidance_scale": config.reference_guidance_scale,
        }
        register(student, {name: value for name, value in given.items() if value is not None})
        return EMOPipeline(**{**pipe.components, "unet": student})

    def trains(self, name: str) -> bool:
        return name.startswith("unet.")

    def parameters_with_gradients(self) -> list[str]:
        """The backbone's, which is given all conditions there are."""
        return [name for name, _ in self.networks.named_parameters() if self.trains(name)]

    def drop_probabilities(self) -> dict[str, float]:
        return self.config.drop.probabilities()

    def prepare_inputs(self, batch: EncodedBatch, draws: Draws) -> dict[str, Tensor | None]:
        motion_latents = self.noisy_motion_frames(batch, draws, self.config.motion_noise)
        return {"motion_latents": motion_latents, "audio": batch.audio, "speed": batch.speed}

    def step(self, step: StageStep) -> None:
        """See `Stage`; first guidance is learned, then few steps."""
        config = self.config
        guidance_alone = step.number <= config.distillation.guidance_share * config.train.steps
        for batch in step.batches():
            step.backward(*self.loss(step.networks, self.encode(batch), guidance_alone=guidance_alone))
        step.update()

    def loss(
        self, networks: nn.Module, batch: EncodedBatch, *, guidance_alone: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted squared error against the teacher, and the plain one to log.

        Args:
            networks: see `Stage`.
            batch: see `Stage`.
            guidance_alone: of the student's predictions on the teacher's way; or of its own way.
        """
        draws = self.draws(batch)
        inputs = self._inputs(batch, draws)
        share = draws.guidance[:, [TOLD.index(name) for name in self.ranges]]
        low, high = (share.new_tensor([ends[i] for ends in self.ranges.values()]) for i in (0, 1))
        guidance = low + (high - low) * share

        def predict(latents: Tensor, timestep: Tensor) -> Tensor:
            timesteps = timestep.to(latents.device).expand(len(latents))
            return networks(sample=latents, timestep=timesteps, guidance=guidance, **inputs).float()

        case = self._case(predict, batch, draws, inputs, guidance)
        errors = guidance_errors(case) if guidance_alone else METHODS[self.config.distillation.method](case)
        error = torch.stack(errors)
        weight = self.objective.weight(self.features(batch), *error.shape[-2:])
        return (error * weight).mean(), {"squared_error": error.mean()}

    def _case(
        self, predict: Predict, batch: EncodedBatch, draws: Draws, inputs: dict[str, Any], guidance: Tensor
    ) -> Case:
        """The samples of a batch, under guidance (B, conditions) of those of which the student is told."""
        latents, reference = batch.latents[:, -self.frames :], batch.reference_latents
        noise = self.objective.noise(draws.noise, latents, reference)
        return Case(
            predict=predict,
            guided=self._guided(inputs, guidance),
            follow=partial(self._follow_teacher, inputs, guidance, draws.noise, reference),
            sample=partial(self._sample, predict, draws.noise, reference),
            noisy=partial(self.objective.noisy, latents, noise),
            time=draws.time,
            steps=self.config.distillation.steps,
            timesteps=torch.tensor([*self.teacher.timesteps, END]),
            ddim=DDIM.of(self.pipe.scheduler),
        )

    def _guided(self, inputs: dict[str, Any], guidance: Tensor) -> Predict:
        """The teacher's predictions under guidance; its conditions are worked out once, when it is first asked."""
        conditions: dict[str, Any] = {}

        @torch.no_grad()
        def guided(latents: Tensor, timestep: Tensor) -> Tensor:
            with self._teacher_precision(latents):
                if not conditions:
                    conditions.update(self.networks.conditions(self.teacher.unet, **inputs))
                return self.teacher.guided(conditions, self._weights(guidance), latents, timestep)

        return guided

    def _sample(
        self, predict: Predict, noise: Tensor, reference_latents: Tensor, on_step: OnStep | None = None
    ) -> Tensor:
        """Latents (B, F, L, h, w) by the student's steps, with whatever network."""
        prior, strength = reference_latents[:, None], self.pipe.unet.config["strength"]
        return sample(self.pipe.scheduler, predict, noise, self.asked, prior=prior, strength=strength, on_step=on_step)

    def _follow_teacher(
        self, inputs: dict[str, Any], guidance: Tensor, noise: Tensor, reference_latents: Tensor
    ) -> Trajectory:
        """The teacher's way under guidance (B, conditions) of those of which the student is told."""
        with torch.no_grad(), self._teacher_precision(noise):
            conditions = self.networks.conditions(self.teacher.unet, **inputs)
            return self.teacher.trajectory(conditions, self._weights(guidance), noise, reference_latents)

    def _weights(self, guidance: Tensor) -> dict[str, Tensor]:
        """Guidance (B, conditions) by condition."""
        return dict(zip(self.ranges, guidance.unbind(1), strict=True))

    def _teacher_precision(self, latents: Tensor) -> torch.autocast:
        """The precision of the run, which accelerate sees to for the student alone."""
        return torch.autocast(latents.device.type, self.precision, enabled=self.precision is not None)

    def _inputs(self, batch: EncodedBatch, draws: Draws) -> dict[str, Any]:
        """Conditions of `EMONetworks`."""
        return {
            "reference_latents": batch.reference_latents,
            "face_mask": batch.face_mask,
            "keep": draws.keep,
            **self.prepare_inputs(batch, draws),
        }

    def validate(self, networks: EMONetworks, folder: Path) -> dict[str, float]:
        """Clips by the student's own settings; and how near to its guided teacher it draws held-out samples, PSNR of
        latents in dB: `psnr`, and `unguided_psnr` of the teacher in the student's steps."""
        config = self.config
        validate_clips(self.pipeline(networks), config.validation, folder, speed=config.validation.speed)
        dataset, count = self.dataset(config.distillation.held_out), config.distillation.validated
        figures: dict[str, list[Tensor]] = {"psnr": [], "unguided_psnr": []}
        for start in range(0, count, self.batch_size):
            samples = [dataset[number] for number in range(start, min(count, start + self.batch_size))]
            with torch.autocast(self.encoders.device.type, enabled=False):  # cached float16 is not joined under bf16's
                batch = self.encode(Batch.collate(samples).to(self.encoders.device))
            drawn = self.drawn(networks, batch)
            for name, latents in (("psnr", drawn["student"]), ("unguided_psnr", drawn["unguided"])):
                figures[name].append(latents_psnr(latents, drawn["teacher"]))
        return {name: torch.cat(values).mean().item() for name, values in figures.items()}

    @torch.no_grad()
    def drawn(self, networks: EMONetworks, batch: EncodedBatch) -> dict[str, Tensor]:
        """Latents (B, F, L, h, w) of samples, from the same noise by the weights of guidance that are saved: of the
        `student`, of the `teacher` in its own steps, and `unguided` of the teacher in the student's steps."""
        draws, unet = self.draws(batch), self.pipe.unet.config
        inputs = self._inputs(batch, draws)
        guidance = draws.guidance.new_tensor([[unet[f"{name}_guidance_scale"] for name in self.ranges]])
        guidance = guidance.expand(len(draws.guidance), -1)
        unguided = networks.conditions(self.teacher.unet, **inputs)

        def student(latents: Tensor, timestep: Tensor) -> Tensor:
            timesteps = timestep.expand(len(latents))
            return networks(sample=latents, timestep=timesteps, guidance=guidance, **inputs).float()

        def teacher(latents: Tensor, timestep: Tensor) -> Tensor:
            return self.teacher.guided(unguided, {}, latents, timestep)

        return {
            "student": self._sample(student, draws.noise, batch.reference_latents),
            "unguided": self._sample(teacher, draws.noise, batch.reference_latents),
            "teacher": self._follow_teacher(inputs, guidance, draws.noise, batch.reference_latents).states[-1],
        }


def latents_psnr(latents: Tensor, expected: Tensor) -> Tensor:
    """In dB, (B,), of latents (B, F, L, h, w); the peak is the range of those expected."""
    peak = expected.flatten(1).amax(dim=1) - expected.flatten(1).amin(dim=1)
    return 10 * torch.log10(peak.square() / (latents - expected).square().flatten(1).mean(dim=1))
