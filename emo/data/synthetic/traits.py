"""How people differ: the distributions that the fields of an `Identity` are drawn from."""

from collections.abc import Mapping, Sequence

import numpy as np

SKIN_RAMP = np.array(
    [
        (0.32, 0.20, 0.14),
        (0.43, 0.27, 0.19),
        (0.56, 0.36, 0.25),
        (0.70, 0.47, 0.34),
        (0.84, 0.61, 0.47),
        (0.93, 0.73, 0.60),
        (0.96, 0.80, 0.70),
    ]
)
HAIR_DARK = [(0.045, 0.035, 0.03), (0.09, 0.06, 0.045), (0.15, 0.09, 0.06)]
HAIR_LIGHT = [
    (0.24, 0.14, 0.08),
    (0.36, 0.22, 0.12),
    (0.50, 0.33, 0.17),
    (0.72, 0.53, 0.29),
    (0.82, 0.67, 0.42),
    (0.46, 0.17, 0.07),
]
HAIR_GRAY = [(0.38, 0.37, 0.37), (0.55, 0.54, 0.53), (0.72, 0.71, 0.69)]
IRIS_DARK = [(0.16, 0.08, 0.04), (0.25, 0.14, 0.07), (0.32, 0.19, 0.09)]
IRIS_LIGHT = [(0.20, 0.36, 0.52), (0.28, 0.44, 0.32), (0.40, 0.45, 0.48), (0.17, 0.28, 0.46), (0.42, 0.31, 0.14)]


Table = Mapping[str, float | tuple[float, float]]
"""Fields and their values, or the range that they are drawn from, in this order."""

ANY_HAIR: Table = {
    "hair_side": 0.05,
    "hair_top": 0.08,
    "hair_lift": 0.0,
    "hair_front": (0.62, 0.72),
    "hair_recess": (0.0, 0.12),
    "hair_sweep": 0.0,
    "hair_taper": (0.16, 0.26),
    "hair_burn": -0.08,
    "hair_nape": -0.45,
    "hair_wave": (0, 0.006),
    "hair_curl": 0.0,
    "curtain": 3.0,
    "curtain_wide": 0.85,
    "curtain_open": 0.62,
    "bun_y": 1.0,
    "bun_z": -0.3,
    "bun_size": 0.0,
    "strand": (0.6, 1.0),
    "strand_phase": (0, 6.28),
    "part": (-0.35, 0.35),
}
FALLING: Table = {
    "hair_side": 0.05,
    "hair_top": (0.08, 0.13),
    "hair_burn": -0.45,
    "hair_recess": 0.0,
    "hair_wave": (0.0, 0.02),
    "curtain": (-1.75, -1.25),
    "curtain_wide": (0.80, 0.90),
    "curtain_open": (0.585, 0.635),
    "hair_sweep": (-0.08, 0.08),
}
# Of curls `hair_top` is drawn as their size, which makes the sides as well.
CURLS: Table = {"hair_top": (0.08, 0.24), "hair_curl": (0.014, 0.022), "strand": 0.35, "hair_nape": -0.55}
MALE_CURLS: Table = {**CURLS, "hair_top": (0.06, 0.15)}
STYLES: dict[str, Table] = {
    "bald": {"hair_top": -0.06, "hair_side": -0.06, "hair_recess": 0.0},
    "cropped": {"hair_side": (0.008, 0.02), "hair_top": (0.02, 0.05), "strand": 0.3, "hair_taper": 0.10},
    "short": {"hair_side": (0.03, 0.06), "hair_top": (0.09, 0.15), "hair_sweep": (-0.10, 0.10)},
    "quiff": {"hair_side": (0.02, 0.04), "hair_top": (0.08, 0.12), "hair_lift": (0.07, 0.17)},
    "curly": CURLS,
    "bob": {**FALLING, "curtain": (-0.98, -0.72)},
    "long": FALLING,
    "bun": {
        "hair_side": 0.03,
        "hair_top": (0.05, 0.09),
        "bun_y": 0.75,
        "bun_z": -0.85,
        "bun_size": (0.20, 0.27),
        "hair_nape": -0.3,
    },
}
MALE_STYLES = (0.09, 0.19, 0.25, 0.21, 0.16, 0.02, 0.06, 0.02)  # how often each is worn
FEMALE_STYLES = (0.0, 0.03, 0.10, 0.04, 0.14, 0.22, 0.31, 0.16)
RECEDING: Table = {"hair_front": (0.72, 0.86), "hair_recess": (0.15, 0.28)}


class _Dice:
    """Draws of single values, one after the other."""

    def __init__(self, rng: np.random.Generator):
        self._rng = rng

    def uniform(self, low: float, high: float) -> float:
        return float(self._rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def pick(self, table: Sequence[tuple[float, float, float]]) -> np.ndarray:
        return np.array(table[self._rng.integers(len(table))])

    def draw(self, table: Table) -> dict[str, float]:
        return {name: self.uniform(*value) if isinstance(value, tuple) else value for name, value in table.items()}


def _hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    places = [(channel + hue * 6) % 6 for channel in (5.0, 3.0, 1.0)]
    return np.array([value - value * saturation * np.clip(min(place, 4 - place), 0, 1) for place in places])


def draw_person(rng: np.random.Generator) -> dict[str, np.ndarray | float]:
    """All fields of `Shape` and `Look` by name: the face, hair that depends on it, clothes, place and light."""
    person = _draw_face(rng)
    person.update(_draw_hair(rng, person))
    person.update(_draw_surroundings(rng))
    return person


def _draw_face(rng: np.random.Generator) -> dict:
    uniform = _Dice(rng).uniform
    male = float(rng.random() < 0.5)
    male_degree = np.clip(male + rng.normal(0, 0.18), 0, 1)  # traits overlap between the sexes

    def between(female: float, masculine: float, spread: float) -> float:
        return female + (masculine - female) * male_degree + uniform(-spread, spread)

    age = uniform(0, 1) ** 1.3
    full = float(np.clip(rng.normal(0.4, 0.28), 0, 1))
    tone = uniform(0, 5.999)
    skin = SKIN_RAMP[int(tone)] + (SKIN_RAMP[int(tone) + 1] - SKIN_RAMP[int(tone)]) * (tone % 1)
    skin = np.clip(skin * (1 + rng.normal(0, 0.015, 3)), 0, 0.97)
    dark = tone < 2.6
    lips = skin * np.array([uniform(0.86, 0.97), uniform(0.60, 0.74), uniform(0.62, 0.76)])
    if not male and rng.random() < 0.5:
        lips = 0.45 * lips + 0.55 * np.array([uniform(0.55, 0.78), uniform(0.10, 0.26), uniform(0.14, 0.30)])
    iris = (
        IRIS_DARK[rng.integers(len(IRIS_DARK))]
        if dark or rng.random() < 0.5
        else IRIS_LIGHT[rng.integers(len(IRIS_LIGHT))]
    )
    skull_width = between(0.685, 0.715, 0.03)
    face_width = between(0.555, 0.580, 0.045) + 0.03 * full
    chin_y = between(-0.765, -0.83, 0.065)
    eye_size = between(0.195, 0.183, 0.014)
    return {
        "male": male,
        "age": age,
        "dark": dark,
        "skull_width": skull_width,
        "skull_height": uniform(0.76, 0.83),
        "skull_depth": uniform(0.80, 0.88),
        "face_width": face_width,
        "face_height": uniform(0.60, 0.72),
        "cheek_x": uniform(0.33, 0.39),
        "cheek_y": uniform(-0.22, -0.14),
        "cheek_size": 0.20 + 0.05 * full + uniform(0, 0.03),
        "jaw_width": between(0.295, 0.365, 0.05) + 0.03 * full,
        "jaw_y": uniform(-0.56, -0.42),
        "jaw_size": 0.17 + 0.05 * full,
        "chin_y": chin_y,
        "chin_z": uniform(0.37, 0.43),
        "chin_width": between(0.0, 0.09, 0.05),
        "chin_size": between(0.135, 0.155, 0.012) + 0.02 * full,
        "brow_ridge": between(0.00, 0.03, 0.012),
        "eye_x": uniform(0.275, 0.33),
        "eye_y": uniform(0.01, 0.09),
        "eye_z": uniform(0.485, 0.515),
        "eye_size": eye_size,
        "nose_y": uniform(-0.30, -0.19),
        "nose_z": between(0.81, 0.85, 0.05),
        "nose_tip": between(0.078, 0.092, 0.012),
        "nose_wing": between(0.082, 0.100, 0.014) + (0.015 if dark else 0),
        "nose_bridge": between(0.055, 0.066, 0.010),
        "mouth_y": uniform(-0.515, -0.465) + 0.3 * (chin_y + 0.80),
        "mouth_half": between(0.242, 0.258, 0.04),
        "lip_upper": between(0.060, 0.046, 0.012) + (0.012 if dark else 0) - 0.010 * age,
        "lip_lower": between(0.080, 0.066, 0.014) + (0.014 if dark else 0) - 0.012 * age,
        "mouth_smile": uniform(-0.005, 0.045),
        "ear_size": uniform(0.165, 0.21) + 0.02 * age,
        "ear_out": uniform(0.0, 0.05),
        "neck": between(0.29, 0.375, 0.02) + 0.03 * full,
        "shoulders": between(0.86, 1.04, 0.06),
        "skin": skin,
        "lips": np.clip(lips, 0, 1),
        "iris": np.clip(np.array(iris) * uniform(0.85, 1.2), 0, 1),
        "blush": uniform(0.15, 0.5),
        "freckles": uniform(0.4, 1) * float(rng.random() < 0.15 and not dark),
        "lash": between(0.95, 0.6, 0.05),
        "eye_half": uniform(0.83, 0.93),
        "eye_upper": uniform(0.42, 0.54) - 0.06 * age,
        "eye_lower": uniform(0.26, 0.34),
        "eye_tilt": uniform(-0.06, 0.16) * (1 - 0.5 * age),
        "brow_y": uniform(0.265, 0.315) - 0.02 * male,
        "brow_half": uniform(0.165, 0.20),
        "brow_thick": between(0.024, 0.036, 0.006),
        "brow_arch": between(0.065, 0.040, 0.02),
        "brow_tilt": uniform(-0.05, 0.10),
    }


def _draw_hair(rng: np.random.Generator, face: dict) -> dict:
    dice = _Dice(rng)
    male, age = face["male"], face["age"]
    if dice.chance(1.6 * (age - 0.55)):
        color = dice.pick(HAIR_GRAY)
    else:
        color = dice.pick(HAIR_DARK) if face["dark"] or dice.chance(0.4) else dice.pick(HAIR_LIGHT)
    color = np.clip(color * (1 + rng.normal(0, 0.06, 3) * 0.5 + rng.normal(0, 0.08)), 0.02, 0.9)
    style = list(STYLES)[rng.choice(len(STYLES), p=MALE_STYLES if male else FEMALE_STYLES)]
    fringe = style in ("bob", "long", "short", "curly") and dice.chance(0.35)
    hair = {"hair": color, "brows": color * (1.0 if color.mean() < 0.2 else 0.62), **dice.draw(ANY_HAIR)}
    hair["hair_recess"] += 0.06 * male
    bun_is_high = style == "bun" and dice.chance(0.5)
    hair.update(dice.draw(MALE_CURLS if style == "curly" and male else STYLES[style]))
    if style == "curly":
        hair.update(hair_side=hair["hair_top"] * 0.8, hair_top=hair["hair_top"] + 0.06)
    if bun_is_high:
        hair.update(bun_y=1.12, bun_z=-0.15)
    if male and age > 0.5 and style in ("cropped", "short", "quiff"):
        hair.update(dice.draw(RECEDING))
    if fringe:
        hair.update(
            hair_front=face["brow_y"] + dice.uniform(0.15, 0.20),
            hair_taper=0.07,
            hair_recess=-0.05,
            hair_lift=0.03,
            hair_top=min(hair["hair_top"], 0.10 if style != "curly" else 1.0),
        )
    hair.update(stubble=0.0, beard=0.0, beard_mask=0.0)
    if male and dice.chance(0.22):
        hair.update(beard=dice.uniform(0.018, 0.05), beard_mask=1.0)
    elif male:
        hair.update(stubble=dice.uniform(0.0, 0.28))
    return hair


def _draw_surroundings(rng: np.random.Generator) -> dict:
    uniform = _Dice(rng).uniform
    wall = _hsv(rng.random(), uniform(0.05, 0.42), uniform(0.25, 0.85))
    spectacles = rng.random() < 0.17
    cloth = _hsv(rng.random(), uniform(0.1, 0.75), uniform(0.12, 0.85))
    return {
        "cloth": cloth,
        "trim": _hsv(rng.random(), uniform(0.0, 0.5), uniform(0.3, 0.95)),
        "wall": wall,
        "wall_far": np.clip(wall * uniform(0.4, 0.8) + rng.uniform(0, 0.06, 3), 0, 1),
        "rim": _hsv(rng.random(), uniform(0.05, 0.35), 1.0),
        "frame": _hsv(rng.random(), uniform(0.0, 0.6), uniform(0.03, 0.25)),
        "glasses": uniform(0.205, 0.235) * float(spectacles),
        "glasses_square": uniform(0.0, 1.0),
        "garment": float(rng.integers(4)),
        "wall_angle": uniform(0, 6.28),
        "wall_kind": float(rng.integers(3)),
        "light_side": uniform(-0.9, 0.9),
        "light_height": uniform(0.3, 0.85),
        "ambient": uniform(0.36, 0.50),
        "warmth": uniform(-0.05, 0.05),
    }
