"""The second edition: head, lids and brows go with the sound, each as far as is drawn for the clip and labeled."""

import numpy as np

from emo.data.motion_labels import MotionLabels
from emo.data.synthetic.articulation import Articulation
from emo.data.synthetic.motion.blinks import blink_in_pauses
from emo.data.synthetic.motion.emotion import draw_emotion, emotion_offset
from emo.data.synthetic.motion.gaze import look_around, main_gaze
from emo.data.synthetic.motion.head import turn_with_voice
from emo.data.synthetic.motion.prosody import Prosody, bump_at, read_prosody
from emo.data.synthetic.motion.swing import MAX_SPEED
from emo.face import FACE_SHARE
from emo.motion.controls import WIDE_EYES, FaceControls, as_track
from emo.motion.noise import smooth_noise
from emo.motion.rotation import rotation_speed_of_angles

SCALES = (0.7, 1.3)  # of a clip, against the default framing
PORTRAIT_SCALES = (0.88, 1.2)  # of a warped portrait, whose border stays where it is
JITTER = 0.012  # of the scale within a clip, standard deviation
HAIR = 1.35  # height of a head over that of its face
BROWS = 0.5  # how far they rise on the strongest accent
BROW_LAGS = (0.0, 0.08)  # seconds from an accent to raised brows
RAISED = 0.25  # seconds in which brows rise, and fall


def make_motion(
    waveform: np.ndarray,
    articulation: Articulation,
    speed: float,
    seed: int,
    fps: float = 25.0,
    *,
    scales: tuple[float, float] = SCALES,
    calm: bool = False,
) -> tuple[FaceControls, MotionLabels]:
    """A talking person: mouth as the sound wants it, head at the commanded speed, all in a mood.

    Args:
        waveform: (N,) mono at 16 kHz, -1 ... 1.
        articulation: T frames of the mouth.
        speed: mean head rotation speed in degrees per frame, 0 ... 2.5 (paper: section 3.2.5, Table 2).
        seed: decides all that the sound does not.
        fps: frames per second.
        scales: the smallest and the largest face of all clips, against the default framing.
        calm: neutral, and looking ahead throughout.
    Returns:
        `FaceControls` of T frames whose `rotation_speed` has the mean `speed` (needs at least two frames), and what
        holds for the clip.
    Raises:
        ValueError: `speed` is outside the range.
    """
    if not 0 <= speed <= MAX_SPEED:
        raise ValueError(f"mean rotation speed must be between 0 and {MAX_SPEED} degrees per frame, not {speed}")
    drawn, of_head, of_gaze, of_blinks, of_face, of_place = (
        np.random.default_rng((0x307E2, seed, part)) for part in range(6)
    )
    prosody = read_prosody(waveform)
    frames = len(articulation.jaw)
    times = (np.arange(frames) + 0.5) / fps
    spoken = len(prosody.accents) > 0
    of_nods, of_brows, of_lids = (float(coupling) if spoken else 0.0 for coupling in drawn.uniform(0, 1, 3))
    emotion, strength = ("neutral", 0.0) if calm else draw_emotion(drawn)
    offset = emotion_offset(emotion, strength)
    head = turn_with_voice(of_head, prosody, frames, speed, of_nods, fps)
    gaze_x, gaze_y = np.zeros((2, frames)) if calm else look_around(of_gaze, frames, fps)
    shut = blink_in_pauses(of_blinks, prosody.speaking(times), of_lids, fps)
    rise = of_brows * _brows_on_accents(of_face, prosody, times)
    brow = offset.brow + 0.15 * smooth_noise(of_face, frames, 0.12, fps) + rise
    mood = of_face.uniform(-0.1, 0.25) + offset.smile + 0.12 * smooth_noise(of_face, frames, 0.12, fps)
    tx, ty, scale = _place(of_place, scales, frames, fps)
    controls = FaceControls(
        jaw=articulation.jaw, width=articulation.width, rounding=articulation.rounding,
        blink=as_track(np.clip(offset.lid + (1 - offset.lid) * shut, WIDE_EYES, 1)),
        brow=as_track(np.clip(brow, -1, 1)), gaze_x=as_track(gaze_x), gaze_y=as_track(gaze_y),
        smile=as_track(np.clip(mood, -1, 1) * (1 - 0.7 * articulation.rounding.numpy())),
        yaw=head.angles[0], pitch=head.angles[1], roll=head.angles[2],
        tx=as_track(tx), ty=as_track(ty), scale=as_track(scale),
        rotation_speed=rotation_speed_of_angles(*head.angles),
    )  # fmt: skip
    x, y = main_gaze(gaze_x, gaze_y)
    labels = MotionLabels(
        head_coupling=head.coupling, head_lag=head.lag, brow_coupling=of_brows,
        blink_coupling=of_lids, gaze_x=x, gaze_y=y, distance=float(controls.distance.mean()),
        emotion=emotion, emotion_strength=strength,
    )  # fmt: skip
    return controls, labels


def _brows_on_accents(rng: np.random.Generator, prosody: Prosody, times: np.ndarray) -> np.ndarray:
    """Brows (T,), 0 ... BROWS, that rise with the stronger accents."""
    bump = bump_at(times[:, None] - prosody.accents - rng.uniform(*BROW_LAGS), RAISED)
    return BROWS * np.max(bump * prosody.strengths, axis=1, initial=0.0)


def _place(
    rng: np.random.Generator, scales: tuple[float, float], frames: int, fps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shift to the right and up, and scale (T,): one distance a clip, the whole head in the picture."""
    scale = np.exp(rng.uniform(*np.log(scales))) * (1 + JITTER * smooth_noise(rng, frames, 0.12, fps))
    room = np.maximum(1 - FACE_SHARE * HAIR * scale, 0.05)  # in halves of the picture's side, above and below
    sway = rng.uniform(0.01, 0.12)
    tx = rng.uniform(-0.3, 0.3) * room + sway * smooth_noise(rng, frames, 0.12, fps)
    ty = rng.uniform(-0.2, 0.1) * room + 0.4 * sway * smooth_noise(rng, frames, 0.12, fps)
    return np.clip(tx, -0.6 * room, 0.6 * room), np.clip(ty, -0.5 * room, 0.3 * room), np.clip(scale, *scales)
