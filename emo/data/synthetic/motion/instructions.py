"""What a person can be told to do instead of speaking, in sentences (GAIA, section 3.4, text instructions).

Left and right are those of the picture, as everywhere.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emo.motion.controls import FaceControls
from emo.motion.rotation import rotation_speed_of_angles


class Instruction(NamedTuple):
    """An instruction, and how the controls obey it.

    Attributes:
        targets: names of controls, and what is added to each at the height of the act.
        training: phrases that training hears.
        held_out: phrases of the same meaning that it never hears.
        cycles: how often the act swings to and fro; 0 where it is held.
        either_way: whether its mirror image is as good.
    """

    targets: dict[str, float]
    training: tuple[str, ...]
    held_out: tuple[str, ...]
    cycles: int = 0
    either_way: bool = False


def _toward(control: str, amount: float, verbs: tuple[str, str], others: tuple[str, str], way: str) -> Instruction:
    """Eyes or head toward one side, by `verbs`, and by `others` where held out."""
    training = (f"{verbs[0]} {way}", f"{verbs[1]} {way}", f"{verbs[0]} {way} for a moment")
    return Instruction({control: amount}, training, tuple(f"{verb} {way}" for verb in others))


LOOK = ("look", "move your eyes"), ("direct your gaze", "glance")
TURN = ("turn your head", "let your head turn"), ("rotate your head", "face")

INSTRUCTIONS = {
    "smile": Instruction({"smile": 0.9}, ("smile", "give a smile", "show a smile"), ("look happy", "grin")),
    "close eyes": Instruction(
        {"blink": 1.0},
        ("close your eyes", "shut your eyes", "keep your eyes closed"),
        ("let your lids fall", "close both eyes"),
    ),
    "raise brows": Instruction(
        {"brow": 0.9},
        ("raise your brows", "lift your eyebrows", "move your brows up"),
        ("pull your eyebrows up", "raise both brows"),
    ),
    "open mouth": Instruction(
        {"jaw": 0.7},
        ("open your mouth", "open your mouth wide", "let your mouth open"),
        ("drop your jaw", "part your lips"),
    ),
    "look left": _toward("gaze_x", -0.8, *LOOK, "to the left"),
    "look right": _toward("gaze_x", 0.8, *LOOK, "to the right"),
    "look up": _toward("gaze_y", 0.8, *LOOK, "up"),
    "look down": _toward("gaze_y", -0.8, *LOOK, "down"),
    "turn left": _toward("yaw", -15.0, *TURN, "to the left"),
    "turn right": _toward("yaw", 15.0, *TURN, "to the right"),
    "turn up": _toward("pitch", 9.0, *TURN, "up"),
    "turn down": _toward("pitch", -9.0, *TURN, "down"),
    "nod": Instruction(
        {"pitch": -7.0}, ("nod", "nod your head", "say yes with your head"), ("give a nod", "agree silently"), cycles=3
    ),
    "shake": Instruction(
        {"yaw": 10.0},
        ("shake your head", "shake your head no", "say no with your head"),
        ("move your head from side to side", "disagree silently"),
        cycles=3,
    ),
    "tilt": Instruction(
        {"roll": 9.0},
        ("tilt your head", "lean your head to one side", "tip your head"),
        ("incline your head", "cock your head"),
        either_way=True,
    ),
}
FRAMES = ("{}", "please {}", "{}, please", "now {}", "could you {}")


def draw_sentence(rng: np.random.Generator, instruction: str, held_out: bool = False) -> str:
    """A sentence that asks for it, in words that training hears or in others."""
    said = INSTRUCTIONS[instruction]
    phrases = said.held_out if held_out else said.training
    return FRAMES[int(rng.integers(len(FRAMES)))].format(phrases[int(rng.integers(len(phrases)))])


def obey(rng: np.random.Generator, controls: FaceControls, instruction: str, fps: float) -> FaceControls:
    """The same person, who does what is asked: begins within the first fifth, and in half of the clips stops again.

    Args:
        rng: of when and how strongly.
        controls: T frames of somebody who does nothing in particular.
        instruction: a key of INSTRUCTIONS.
        fps: frames per second.
    """
    asked = INSTRUCTIONS[instruction]
    seconds = len(controls) / fps
    time = (torch.arange(len(controls)) + 0.5) / fps
    start, rise = rng.uniform(0.05, 0.2) * seconds, min(rng.uniform(0.3, 0.6), 0.3 * seconds)
    stop = rng.uniform(0.7, 0.9) * seconds if rng.random() < 0.5 else 2 * seconds
    strength = rng.uniform(0.7, 1.0) * (rng.choice([-1, 1]) if asked.either_way else 1)
    amount = strength * (_ramp((time - start) / rise) - _ramp((time - stop) / rise))
    if asked.cycles:
        length = min(asked.cycles * rng.uniform(0.6, 0.9), 0.7 * seconds)
        turn = ((time - start) / length).clamp(0, 1)
        amount = (
            strength * torch.sin(2 * torch.pi * asked.cycles * turn) * torch.sin(torch.pi * turn).clamp_min(0).sqrt()
        )
    changed = {name: _added(getattr(controls, name), name, value * amount) for name, value in asked.targets.items()}
    controls = replace(controls, **changed)
    return replace(controls, rotation_speed=rotation_speed_of_angles(controls.yaw, controls.pitch, controls.roll))


def _ramp(share: Tensor) -> Tensor:
    """From 0 to 1 without a corner."""
    share = share.clamp(0, 1)
    return share * share * (3 - 2 * share)


def _added(values: Tensor, name: str, change: Tensor) -> Tensor:
    """Controls but angles stay within their bounds."""
    total = (values + change).to(torch.float32)
    return total if name in ("yaw", "pitch", "roll") else total.clamp(0 if name in ("jaw", "blink") else -1, 1)
