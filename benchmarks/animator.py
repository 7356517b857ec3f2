"""How fast a portrait is drawn from motion, and how truly its motion is read back from what is drawn.

    python benchmarks/animator.py speed PICTURE               # frames per second by size, drawn, and drawn and encoded
    python benchmarks/animator.py read PICTURE...             # told against read motion, by control

Each prints a Markdown table. Run with OMP_NUM_THREADS=1 for figures of one core; CPU seconds count beside the clock's.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

SIZES = (256, 512, 1024)
FRAMES = 100
REACH = {"yaw": 12, "pitch": 8, "roll": 8, "tx": 0.08, "ty": 0.05, "scale": 0.08}  # others: 0.8


def talking(frames: int, fps: float = 25.0):
    """Somebody who talks, nods, blinks and looks about, as a track."""
    from emo.data.synthetic.articulation import articulate_speech
    from emo.data.synthetic.motion.second import make_motion
    from emo.data.synthetic.speech import synthesize

    speech = synthesize(3, frames / fps + 0.1)
    controls, _ = make_motion(speech.waveform, articulate_speech(speech, fps, learned=True), 0.7, 3, fps)
    return controls.track(fps)[:frames]


def core_seconds() -> float:
    """Of this process and of those that it has waited for, such as the encoder."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def speed(options: argparse.Namespace) -> None:
    from emo.media import VideoWriter, load_image
    from emo.motion import MeshAnimator

    cv2.setNumThreads(1)
    animator, motion = MeshAnimator(), talking(FRAMES).values
    picture = np.asarray(load_image(options.pictures[0]))
    print("| px | portrait, s | frames/s by the clock | of a core | with H.264, by the clock | of a core |")
    print("|---" * 6 + "|", flush=True)
    for size in SIZES:
        scaled = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        begun = core_seconds()
        appearance = animator.appearance(scaled)
        prepared = core_seconds() - begun
        animator.render(appearance, motion[:2])
        figures = []
        with tempfile.TemporaryDirectory() as folder:
            for encoded in (False, True):
                clock, core = time.perf_counter(), core_seconds()
                if encoded:
                    with VideoWriter(Path(folder) / "out.mp4", 25) as writer:
                        for start in range(0, FRAMES, 10):
                            writer.write(animator.render(appearance, motion[start : start + 10]))
                        writer.finish()
                else:
                    animator.render(appearance, motion)
                figures += [FRAMES / (time.perf_counter() - clock), FRAMES / (core_seconds() - core)]
        print(f"| {size} | {prepared:.2f} | " + " | ".join(f"{figure:.0f}" for figure in figures) + " |", flush=True)


def read(options: argparse.Namespace) -> None:
    from emo.media import load_image
    from emo.motion import CONTROLS, MeshAnimator, MotionTrack

    animator = MeshAnimator()
    print("| | r | slope | the rest of what is read, sd |\n|---|---|---|---|")
    time_ = np.linspace(0, 2 * np.pi, options.frames, endpoint=False)
    appearances = [animator.appearance(np.asarray(load_image(path))) for path in options.pictures]
    told, seen = [], []
    for shift, appearance in enumerate(appearances):
        controls = {
            name: REACH.get(name, 0.8) * np.sin((1 + number) * time_ + shift + number) + (name == "scale")
            for number, name in enumerate(CONTROLS.names)
        }
        controls["jaw"] = controls["jaw"].clip(0)
        beyond = (2 * np.abs(controls["width"]) - 0.8).clip(0)  # lips are at rest for half of the time
        controls["width"], controls["rounding"] = beyond * (controls["width"] > 0), beyond * (controls["width"] < 0)
        controls["blink"] = (2 * controls["blink"] - 0.8).clip(0)
        motion = MotionTrack.rest(options.frames, 25).set(**controls).values
        told.append(motion - motion.median(0).values)
        read_back = animator.motion(animator.render(appearance, motion))
        seen.append(read_back - read_back.median(0).values)
    for number, name in enumerate(CONTROLS.names):
        x, y = (np.concatenate([track[:, number] for track in tracks]) for tracks in (told, seen))
        slope, middle = np.polyfit(x, y, 1)
        print(
            f"| {name} | {np.corrcoef(x, y)[0, 1]:.2f} | {slope:.2f} | {(y - slope * x - middle).std():.3f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("speed", "read"))
    parser.add_argument("pictures", nargs="+", type=Path, help="portraits")
    parser.add_argument("--frames", type=int, default=60, help="of each, to read")
    options = parser.parse_args()
    {"speed": speed, "read": read}[options.what](options)


if __name__ == "__main__":
    main()
