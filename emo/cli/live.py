"""`emo live`: a portrait talks while somebody speaks."""

import argparse
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.cli.arguments import add_pipeline, motion_options
from emo.cli.generate import check_paths, seed
from emo.console import note, say
from emo.errors import ImageError, OptionError, ResumeError
from emo.locks import claim
from emo.options import add_arguments, from_arguments

if TYPE_CHECKING:
    from emo.cli.live_input import Arriving

WAITING_CLIPS = 3  # that are drawn and not shown yet


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "live",
        help="let a portrait talk while somebody speaks",
        description="Let a portrait talk while somebody speaks: frames come half a second after their sound. Ctrl-C "
        "ends it; a video that is written is whole then.",
    )
    parser.add_argument("image", type=Path, help="the portrait: any picture with a face")

    sound = parser.add_argument_group("sound").add_mutually_exclusive_group(required=True)
    sound.add_argument("--mic", nargs="?", const="", metavar="DEVICE", help="a microphone, the usual one by default")
    sound.add_argument("--stdin", action="store_true", help="raw samples, 16 bits, little-endian, mono")
    parser.add_argument("--rate", type=int, default=16000, help="samples per second (default 16000)")

    output = parser.add_argument_group("output, one or more of these")
    output.add_argument("-o", "--output", type=Path, help="a video with the sound (.mp4 or .mov)")
    output.add_argument("--pipe", action="store_true", help="raw frames on standard output, 8-bit RGB")
    output.add_argument("--window", action="store_true", help="a window; Escape or q closes it")
    output.add_argument("--camera", action="store_true", help="a virtual camera, for video calls")

    add_pipeline(parser.add_argument_group("model"))
    kinds = motion_options()
    groups = add_arguments(parser, *kinds, without={name for kind in kinds for name in kind.live_values})
    groups["video"].add_argument("--seed", type=seed, default=0, help="same seed, same video (default 0)")
    return parser


def run(options: argparse.Namespace) -> None:
    check(options)

    import torch

    from emo.cli.generate import load_pipeline
    from emo.cli.live_input import Arriving, microphone, standard_input
    from emo.cli.live_output import open_outputs
    from emo.media import Recording

    system = live_system(options.model)
    values = from_arguments(system.options, options, motion_options())
    with ExitStack() as stack:
        if options.output:
            stack.enter_context(claim(options.output))
            check_finished(options.output)
        sound: Arriving = Arriving()
        recording = stack.enter_context(Recording(options.rate))
        pipe: Any = load_pipeline(options, system)
        stream = pipe.live(
            options.image,
            recording.keep(sound) if options.output else sound,
            sampling_rate=options.rate,
            generator=torch.Generator().manual_seed(options.seed),
            output_type="uint8",
            **values,
        )
        outputs = [stack.enter_context(output) for output in open_outputs(options, stream, recording)]
        open_sound = standard_input if options.stdin else microphone
        stack.enter_context(open_sound(sound, options.rate, options.mic))
        stack.enter_context(ending_by_interrupt(sound))
        note("listening; Ctrl-C ends it")
        frames = show(stream, sound, outputs)
        for output in outputs:
            output.finish()
    (note if options.pipe else say)(
        f"{options.output or options.image}: {frames} frames, {float(frames / stream.fps):.2f} s"
    )


def live_system(model: str | None) -> Any:
    """The system of a model, by its folder or name, that follows live sound.

    Raises:
        OptionError: it does not.
    """
    from emo.hub import locate_model, system_of

    place = locate_model(model)
    system = system_of(place)
    if not hasattr(system.pipeline, "live"):
        raise OptionError(
            f"{place} is of {system.title}, which cannot follow live sound; choose a model of VASA-1, GAIA or GoHD "
            "with --model",
            option="model",
        )
    return system


def check(options: argparse.Namespace) -> None:
    """What can be told before anything is loaded."""
    from emo.files import require_file

    if not (options.output or options.pipe or options.window or options.camera):
        raise OptionError("say where the frames go: -o FILE, --pipe, --window or --camera", option="output")
    if not 1000 <= options.rate <= 768_000:
        raise OptionError(f"--rate {options.rate}: give samples per second, 1000 to 768000", option="rate")
    if options.output:
        check_paths(options, {options.image: ImageError})
    else:
        require_file(options.image, ImageError)


def check_finished(output: Path) -> None:
    """See that no interrupted generation would be lost.

    Raises:
        ResumeError: one was left beside the output.
    """
    from emo.generation import is_unfinished

    if is_unfinished(output):
        raise ResumeError(
            f"{output} is unfinished: continue what made it with --resume, or give the live video another name"
        )


def show(stream: Any, sound: "Arriving", outputs: list[Any]) -> int:
    """Draw in another thread, and give each frame to the outputs when its time has come; returns how many."""
    from emo.cli.live_input import Arriving
    from emo.cli.live_output import Pace

    clips = Arriving(WAITING_CLIPS)
    pace = Pace(stream.fps) if any(output.paced for output in outputs) else None

    def draw() -> None:
        try:
            for clip in stream:
                if not clips.put(list(clip.each())):
                    return
            clips.end()
        except BaseException as error:  # which the other thread is to tell
            clips.end(error)

    drawing = threading.Thread(target=draw, daemon=True)
    drawing.start()
    shown = 0
    try:
        for frames in clips:
            for frame in frames:
                if pace and not clips.full:
                    pace.wait()
                for output in outputs:
                    output.write(frame)
                shown += 1
                if any(output.closed for output in outputs):
                    sound.stop()
    finally:
        sound.stop()
        clips.stop()
        drawing.join()  # what it hears is kept for the outputs, and would still change
    return shown


class ending_by_interrupt:
    """While it is entered, the first Ctrl-C ends the sound, and the second one the program."""

    def __init__(self, sound: "Arriving"):
        self.sound = sound
        self.mine = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> None:
        if self.mine:
            self.before = signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, *_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.sound.stop()

    def __exit__(self, *exception: object) -> None:
        if self.mine:
            signal.signal(signal.SIGINT, self.before)
