"""How far live sound is from the same sound as a file, and how fast, soon and small live video is.

    python benchmarks/live.py compare MODEL SOUND...                        # jaws: live, as a file, as what is heard
    python benchmarks/live.py speed MODEL PORTRAIT SOUND --minutes 10       # fps, memory, sound against picture
    python benchmarks/live.py delay MODEL PORTRAIT SOUND --seconds 30       # from sound to frame, by the clock
    python benchmarks/live.py page MODEL PORTRAIT SOUND --seconds 30        # that of the web page, without a browser

MODEL is a pipeline folder of VASA-1. Each prints a Markdown table. `--hop`, `--ahead` and `--past` try other seconds.
Run with OMP_NUM_THREADS=1 for figures of one core.
"""

import argparse
import os
import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import torch

CHUNK = 640  # samples, 40 ms
RATE = 16000


def load(options: argparse.Namespace):
    from emo.generation import running_features
    from emo.pipelines import VASAPipeline

    running_features.HOP_SECONDS = Fraction(options.hop).limit_denominator(100)
    running_features.LOOK_AHEAD = Fraction(options.ahead).limit_denominator(100)
    running_features.PAST = options.past
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    pipe = VASAPipeline.from_pretrained(options.model)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def samples_of(path: Path) -> np.ndarray:
    from emo.media import AudioTrack

    with AudioTrack.open(path, RATE) as track:
        return track.read(0, track.length)


def chunks(samples: np.ndarray, seconds: float | None = None, size: int = CHUNK) -> Iterator[np.ndarray]:
    """40 ms each, from the beginning again until there were enough."""
    total = len(samples) if seconds is None else round(seconds * RATE)
    for start in range(0, total, size):
        place = (start + np.arange(min(size, total - start))) % len(samples)
        yield samples[place]


def live_motion(pipe, samples: np.ndarray) -> torch.Tensor:
    from emo.generation.running_features import RunningFeatures, live_features
    from emo.media import LiveSound
    from emo.pipelines.vasa_motion import START

    sound, state, made = LiveSound(), START, []
    window = pipe.next_window(pipe.completed(pipe.options_class()), torch.Generator().manual_seed(0))
    features = RunningFeatures(sound, pipe.audio_encoder, pipe.feature_extractor, pipe.motion_fps)
    for audio in live_features(sound, features, chunks(samples)):
        moved = window(audio.flatten(1), state)
        state = moved.state
        made.append(moved.values)
    return torch.cat(made)


def compare(options: argparse.Namespace) -> None:
    from emo.articulation import Articulator
    from emo.generation.running_features import HOP_SECONDS

    pipe, ways = load(options), {"a file": [], "a file, heard as live": [], "live": []}
    for path in options.sounds:
        samples = samples_of(path)
        fps = float(pipe.motion_fps)
        heard = torch.from_numpy(np.asarray(Articulator()(samples, fps).opening)).float()

        def motion(**choice) -> torch.Tensor:
            generator = torch.Generator().manual_seed(0)
            return pipe.generate_motion((samples, RATE), generator=generator, **choice).values  # noqa: B023

        moved = [motion(), motion(running_normalization=True), live_motion(pipe, samples)]
        whole = moved[0]
        for way, values in zip(ways, moved, strict=True):
            jaw = values[:, pipe.space.index("jaw")[0]]
            border = pipe.space.normalize(values).diff(dim=0).abs().mean(1)
            hop = round(HOP_SECONDS * pipe.motion_fps) if way == "live" else pipe.window_length
            joins = border[hop - 1 :: hop].mean() / border.mean()
            ways[way].append(
                (
                    correlation(jaw, whole[:, pipe.space.index("jaw")[0]]),
                    correlation(jaw, heard[: len(jaw)]),
                    float(jaw.std() / whole[:, pipe.space.index("jaw")[0]].std()),
                    float(joins),
                )
            )
    print("| heard as | jaw, r with the file's | r with the articulation | size of its motion | change at joins |")
    print("|---" * 5 + "|")
    for way, rows in ways.items():
        one, other, size, joins = np.mean(rows, 0)
        print(f"| {way} | {one:.2f} | {other:.2f} | {size:.2f} | {joins:.2f} |")


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one, other]))[0, 1])


def speed(options: argparse.Namespace) -> None:
    from emo.cli.live_output import FileOutput
    from emo.media import AudioTrack, Recording, VideoReader

    pipe, samples = load(options), samples_of(options.sound)
    process, resident = psutil.Process(), []
    with tempfile.TemporaryDirectory() as folder, Recording(RATE) as recording:
        path = Path(folder) / "live.mp4"
        sound = recording.keep(chunks(samples, 60 * options.minutes))
        stream = pipe.live(
            options.portrait, sound, height=options.size, width=options.size, output_type="uint8",
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        begun, core, frames = time.perf_counter(), core_seconds(), 0
        with FileOutput(path, stream.fps, recording, lambda heard: stream.origin_of(heard.blocks())) as output:
            for clip in stream:
                for frame in clip.each():
                    output.write(frame)
                frames += len(clip)
                resident.append((frames, process.memory_info().rss / 2**20))
            output.finish()
        seconds, core = time.perf_counter() - begun, core_seconds() - core
        with VideoReader(path) as video, AudioTrack.open(path) as track:
            apart = float(len(video) / video.fps - track.duration)
    early, late = (max(mb for n, mb in resident if low * frames <= n <= high * frames) for low, high in SPANS)
    print("| px | minutes | frames | frames/s by the clock | of a core | MB in the first, last fifth | apart, ms |")
    print("|---" * 7 + "|")
    print(
        f"| {options.size} | {options.minutes:g} | {frames} | {frames / seconds:.0f} | {frames / core:.0f} "
        f"| {early:.0f}, {late:.0f} | {1000 * apart:.0f} |"
    )


SPANS = ((0.0, 0.2), (0.8, 1.0))


def core_seconds() -> float:
    """Of this process and of those that it has waited for, such as the encoder."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def delay(options: argparse.Namespace) -> None:
    pipe, samples = load(options), samples_of(options.sound)
    begun = 0.0

    def spoken() -> Iterator[np.ndarray]:
        nonlocal begun
        begun = begun or time.perf_counter()
        for index, chunk in enumerate(chunks(samples, options.seconds)):
            time.sleep(max(0.0, begun + (index + 1) * CHUNK / RATE - time.perf_counter()))
            yield chunk

    stream = pipe.live(
        options.portrait, spoken(), height=options.size, width=options.size, output_type="uint8",
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    shown, delays = 0, []
    for clip in stream:
        list(clip.each())
        delays.append(time.perf_counter() - begun - shown / float(stream.fps))
        shown += len(clip)
    first, rest = delays[0], np.array(delays[1:-2])
    middle, most = np.quantile(rest, (0.5, 0.95))
    print("| px | first frame after, s | frames after their sound's beginning, s: median | 95 % | most |")
    print("|---" * 5 + "|")
    print(f"| {options.size} | {first:.2f} | {middle:.2f} | {most:.2f} | {rest.max():.2f} |")


def page(options: argparse.Namespace) -> None:
    """The page's session, spoken to from another thread; each picture is encoded as the page does."""
    from PIL import Image

    from emo.ui import Limits
    from emo.ui.jobs import Jobs
    from emo.ui.live import LIVE, LiveSession
    from emo.ui.preview import data_uri
    from emo.ui.request import Request

    pipe, samples = load(options), samples_of(options.sound)
    spoken: dict[int, float] = {}  # when pieces began to be said, by their identity
    drawn: list[tuple[float, float]] = []  # seconds of sound before a piece, of all that was not dropped; its time
    numbers: dict[int, int] = {}  # of frames, by their identity
    alive: list[object] = []
    plain_live = pipe.live

    def live(image, sound, **choice):
        def noted():
            seconds = 0.0
            for piece, rate in sound:
                drawn.append((seconds, spoken[id(piece)]))
                seconds += len(piece) / rate
                yield piece, rate

        return plain_live(image, noted(), **choice)

    pipe.live = live
    fields = {"height": str(options.size), "width": str(options.size), "steps": str(options.steps or "")}
    session = LiveSession(Jobs(pipe, Limits()), Request(str(options.portrait), None, 0, fields))
    plain_put = session._frames.put

    def put(frames, fps):
        for frame in frames:
            alive.append(frame)
            numbers[id(frame)] = len(numbers)
        plain_put(frames, fps)

    session._frames.put = put
    shown = 0

    def speak() -> None:
        begun = time.perf_counter()
        for index, piece in enumerate(chunks(samples, options.seconds, RATE // 10)):
            alive.append(piece)
            spoken[id(piece)] = begun + index / 10
            time.sleep(max(0.0, begun + (index + 1) / 10 - time.perf_counter()))
            session.hear(piece, RATE, shown)
        session.stop()

    delays, begun, speaker = [], 0.0, threading.Thread(target=speak)
    for news in session.news():
        if news.stage != LIVE and not speaker.is_alive():
            speaker.start()
        if news.frame is None:
            continue
        data_uri(Image.fromarray(news.frame))
        now, shown = time.perf_counter(), news.count
        begun = begun or now
        at = numbers[id(news.frame)] / session._fps
        before, said = max(entry for entry in drawn if entry[0] <= at)
        delays.append(now - said - (at - before))
    session.join()
    if not delays:
        raise SystemExit(f"no picture was shown of {options.seconds:g} s of sound: the machine is too busy, or slow")
    seconds = now - begun
    middle, most = np.quantile(delays, (0.5, 0.95))
    heard = sum(len(piece) for piece in alive if getattr(piece, "ndim", 0) == 1) / RATE
    print("| px | drawn, % of the sound | pictures/s | pictures after their sound, s: median | 95 % | most |")
    print("|---" * 6 + "|")
    print(
        f"| {options.size} | {100 * (drawn[-1][0] + 0.1) / heard:.0f} | {len(delays) / seconds:.1f} "
        f"| {middle:.2f} | {most:.2f} | {max(delays):.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(required=True)
    for function in (compare, speed, delay, page):
        command = commands.add_parser(function.__name__)
        command.set_defaults(run=function)
        command.add_argument("model", type=Path)
        if function is compare:
            command.add_argument("sounds", type=Path, nargs="+")
        else:
            command.add_argument("portrait", type=Path)
            command.add_argument("sound", type=Path)
        command.add_argument("--size", type=int, default=256)
        command.add_argument("--minutes", type=float, default=10)
        command.add_argument("--seconds", type=float, default=30)
        command.add_argument("--steps", type=int, help="of page; the usual ones by default")
        command.add_argument("--hop", type=float, default=0.32)
        command.add_argument("--ahead", type=float, default=0.18)
        command.add_argument("--past", type=float, default=2)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
