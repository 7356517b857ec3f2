"""What configures stage 4."""

from dataclasses import dataclass, fields
from typing import Annotated

from emo.bounds import SHARE, Choice, Name, Numbers, Several
from emo.config import key
from emo.training.emo.config import ClipConfig, EMOObjectiveConfig, SpeedDropConfig
from emo.training.emo_distillation.methods import METHODS
from emo.training.objective import ObjectiveConfig

SCALE = Numbers(-100, 100)
SPACING = "trailing"  # of the student's steps: the first starts where generation does, whatever their number


@dataclass
class TeacherConfig:
    """What the student is to do as well as its teacher, and in how many steps."""

    method: Annotated[str, Choice(tuple(METHODS))] = key(
        "trajectory", "how few steps are learned: `trajectory`, `progressive` or `consistency`"
    )
    steps: Annotated[int, Numbers(1, 1000)] = key(
        4, "denoising steps of the student; saved with the model, as what generation takes unless told otherwise"
    )
    teacher_steps: Annotated[int, Numbers(1, 1000)] = key(
        16, "of the teacher, by the sampler of its folder: a multiple of the student's"
    )
    audio_guidance: Annotated[list[float], Several(SCALE, 2)] = key(
        [1.0, 3.0], "least and greatest weight of guidance by the sound of which the student is told; [1, 1]: never"
    )
    reference_guidance: Annotated[list[float], Several(SCALE, 2)] = key(
        [1.0, 1.0], "the same by the portrait, which costs the teacher half as much again"
    )
    audio_guidance_scale: Annotated[float | None, SCALE] = key(
        None, "that generation takes unless told otherwise; saved with the model", unset="the model's"
    )
    reference_guidance_scale: Annotated[float | None, SCALE] = key(None, "likewise", unset="the model's")
    guidance_share: Annotated[float, SHARE] = key(
        0.25, "of the training, at its beginning: the student learns guidance alone, in the teacher's own steps"
    )
    held_out: Annotated[str, Name()] = key("test", "split for the validation's figures")
    validated: Annotated[int, Numbers(1, 4096)] = key(8, "held-out samples of a validation")

    def misfit(self) -> str | None:
        """What does not go together."""
        if self.teacher_steps % self.steps:
            return f"teacher_steps={self.teacher_steps} is no multiple of steps={self.steps}"
        if self.method == "progressive" and self.teacher_steps != 2 * self.steps:
            return f"method=progressive halves steps: with steps={self.steps} teacher_steps is {2 * self.steps}"
        for name in ("audio_guidance", "reference_guidance"):
            low, high = getattr(self, name)
            if low > high:
                return f"{name}: the least, {low:g}, is more than the greatest, {high:g}"
            scale = getattr(self, f"{name}_scale")
            if scale is not None and low < high and not low <= scale <= high:
                return f"{name}_scale={scale:g} is outside {name}, of which the student is told"
        return None

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Least and greatest weight by the conditions of whose guidance the student is told."""
        given = {"audio": self.audio_guidance, "reference": self.reference_guidance}
        return {name: (low, high) for name, (low, high) in given.items() if (low, high) != (1, 1)}


@dataclass
class DistillationConfig(ClipConfig):
    """Stage 4."""

    objective: EMOObjectiveConfig = key(EMOObjectiveConfig(timestep_spacing=SPACING), "what counts more")
    drop: SpeedDropConfig = key(SpeedDropConfig(), "how often conditions are dropped")
    distillation: TeacherConfig = key(TeacherConfig(), "what the student is to do as well as its teacher")

    def misfit(self) -> str | None:
        """What this stage has no use for."""
        for name in (field.name for field in fields(ObjectiveConfig)):
            if getattr(self.objective, name) not in (None, SPACING):
                return f"objective.{name} is for stages 1 to 3: the student learns what its teacher says"
        return None
