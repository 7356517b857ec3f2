"""`emo generate`: a portrait and a recording, or a text, become a video file."""

import argparse
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emo.cli.arguments import add_pipeline, pick_device, pick_dtype
from emo.cli.enlarged import add_upscale, pick_upscaler
from emo.cli.given_motion import refuse_generated, require_motion
from emo.cli.like import fill_settings, given_options
from emo.cli.people import FaceAction, add_audio, people_of, without_faces
from emo.cli.speed import settle
from emo.cli.spoken import TEXTS, add_text, check_said, sound_of
from emo.console import note, quiet_loading, say
from emo.errors import AudioError, EmoError, ImageError, OptionError, OutputError, ResumeError, VideoError
from emo.locks import claim
from emo.options import add_arguments
from emo.pipelines import all_options
from emo.pipelines.motion_kinds import TRACK_SUFFIX

if TYPE_CHECKING:
    import numpy as np

    from emo.generation import ClipState, PeopleStream, ResumePoint
    from emo.generation.stream import Stream
    from emo.hub import System
    from emo.upscale import Upscaler


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "generate",
        help="animate a portrait by a recording",
        description="Animate a portrait by a recording, or by a text that is spoken.",
    )
    parser.add_argument("image", type=Path, nargs="?", help="the portrait: any picture with a face")
    parser.add_argument("audio", type=Path, nargs="?", help="the recording: any sound or video with speech or song")
    parser.add_argument("-o", "--output", type=Path, help="the video to write (.mp4 or .mov)")

    add_pipeline(parser.add_argument_group("model"), dtype=None)

    groups = add_arguments(parser, *all_options().values(), actions={"face": FaceAction})
    add_seed(groups["video"])
    add_audio(groups["face and motion"])
    add_upscale(groups["video"])
    add_text(parser.add_argument_group("text, in place of a recording"))
    groups["face and motion"].add_argument(
        "--save-motion",
        type=Path,
        metavar="TRACK",
        help="also write the video's motion (.safetensors), of models that make motion; for --motion and --pose",
    )
    parser.add_argument(
        "--like", type=Path, metavar="VIDEO", help="repeat how this video was made; other options given here win"
    )
    add_again(parser)
    return parser


def add_seed(parser: argparse._ActionsContainer) -> None:
    """`--seed`, which is None where none is given."""
    parser.add_argument("--seed", type=seed, help="same seed, same video (default 0)")


def add_again(parser: argparse.ArgumentParser) -> None:
    """What is to become of an interrupted generation; see `resume_point`."""
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="continue an interrupted generation of this output")
    again.add_argument("--restart", action="store_true", help="discard an interrupted generation of this output")


def run(options: argparse.Namespace, pipe: Any = None) -> None:
    """Make the video that the command asks for.

    Args:
        pipe: the pipeline, where it is loaded already.
    """
    check(options)
    with claim(options.output), claim(options.save_motion) if options.save_motion else nullcontext():
        generate(options, pipe)


def check(options: argparse.Namespace) -> None:
    """See that the command's files can be read and written, before anything is loaded.

    Raises:
        EmoError: one cannot, or is not given.
    """
    sounds = [sound for sound in people_of(options).values() if sound is not None]
    heard = sounds or any(getattr(options, name) is not None for name in ("audio", *TEXTS))
    needed = ("image", "output") if heard else ("image", "audio", "output")
    if missing := [name for name in needed if getattr(options, name) is None]:
        raise OptionError(f"{', '.join(missing)}: not given; `emo generate --help` tells what is needed")
    said = check_said(options) | dict.fromkeys(sounds, AudioError)
    inputs: dict[Path, type[EmoError]] = {options.image: ImageError, **said}
    if options.like is not None:
        inputs[options.like] = VideoError
    check_paths(options, inputs)
    check_track(options, inputs)


def generate(options: argparse.Namespace, pipe: Any = None) -> None:
    """Make the video, of which nobody else is at work; `pipe` as of `run`."""
    seed = options.seed
    like = fill_settings(options)  # before any library is imported: what is wrong with it is said at once

    import torch

    from emo.generation import stream_people
    from emo.hub import locate_model, system_of

    system = system_of(locate_model(options.model))
    if options.save_motion:
        require_motion(system, "--save-motion")
    values = given_options(options, like, system.options)
    if hasattr(options, "motion"):
        given = [name for name in system.options.names() if hasattr(options, name)]
        refuse_generated(system.options, given, seed, "--motion is given; leave one of them out")

    started = time.monotonic()
    resume = resume_point(options)
    upscaler = pick_upscaler(options)
    people = people_of(options)
    sound = None if people else sound_of(options)
    pipe = load_pipeline(options, system) if pipe is None else pipe
    if like:
        like.compare(pipe, upscaler is not None)
    with like.explained() if like else nullcontext():
        run = {
            "generator": torch.Generator().manual_seed(options.seed),
            "output_type": "uint8",
            "resume_from": resume and resume.state,
        }
        if people:
            stream = stream_people(pipe, options.image, people, **without_faces(values), **run)
        else:
            stream = pipe.stream(options.image, sound, **values, **run)
    states: list[ClipState] = []
    write(stream, options, resume, started, states.append, upscaler)
    if options.save_motion:
        if stream.start.next_clip:  # what came before is not kept
            pipe.set_progress_bar_config(disable=True)
            generator = torch.Generator().manual_seed(options.seed)
            track = pipe.generate_motion(stream.audio, image=options.image, **values, generator=generator)
        else:
            track = pipe.motion_of(stream, states)
        track.save(options.save_motion)
        say(f"{options.save_motion}: its motion, {len(track)} frames at {track.fps} frames per second")


def write(
    stream: "Stream[Any] | PeopleStream",
    options: argparse.Namespace,
    resume: "ResumePoint | None",
    started: float,
    made_state: "Callable[[ClipState], object]" = lambda _: None,
    upscaler: "Upscaler | None" = None,
) -> None:
    """Write a stream to the command's output, and say so.

    Args:
        started: when the work began, by `time.monotonic`.
        made_state: is told the state after each clip.
        upscaler: enlarges the frames.
    """
    from emo.generation import fingerprint, is_unfinished, write_video

    made = 0

    def counted(clip: Any) -> Iterator["np.ndarray"]:
        nonlocal made
        made_state(clip.state)
        for frame in clip.each():
            made += 1
            yield frame

    marks = fingerprint(stream, options.seed)
    try:
        write_video(stream, options.output, fingerprint=marks, resume=resume, frames_of=counted, upscaler=upscaler)
    except BaseException:
        if is_unfinished(options.output):
            note(f"{options.output} is unfinished; the same command with --resume continues")
        raise

    seconds = time.monotonic() - started
    say(
        f"{options.output}: {stream.num_frames} frames, {float(stream.num_frames / stream.fps):.2f} s of video; "
        f"took {seconds:.1f} s, {seconds / max(1, made):.3f} s per frame"
    )


def resume_point(options: argparse.Namespace):
    """What an interrupted generation of the output left, if it is to be continued.

    Raises:
        ResumeError: something was left, but the command does not say what to do with it; or it is damaged.
    """
    from emo.generation import ResumePoint, is_unfinished
    from emo.generation.write import resume_path

    if options.restart or not is_unfinished(options.output):
        return None
    if not options.resume:
        raise ResumeError(f"{options.output} is unfinished: add --resume to continue it or --restart to start anew")
    return ResumePoint.load(resume_path(options.output))


def check_paths(options: argparse.Namespace, inputs: Mapping[Path, type[EmoError]]) -> None:
    """The inputs must be files; the output none of them, and of a kind that can be written where it is to be.

    Args:
        inputs: the command's files, each with the error where it is none.
    """
    from emo.files import require_file
    from emo.generation.write import resume_path
    from emo.hub import locate_model
    from emo.media import check_output, spool_path

    check_output(options.output)
    if options.model is not None or getattr(options, "like", None) is None:
        locate_model(options.model)
    for path, error in inputs.items():
        require_file(path, error)
    for path in [*inputs, *option_texts(options)]:
        if same_file(path, options.output):
            raise OutputError(f"{options.output} is one of the inputs; give the video another name")
        if any(same_file(path, beside(options.output)) for beside in (spool_path, resume_path)):
            raise OutputError(f"{path} is where {options.output} is kept until it is finished; rename one of them")


def check_track(options: argparse.Namespace, inputs: Iterable[Path]) -> None:
    """The track to write must have a track's ending, and be none of the command's other files.

    Raises:
        OptionError, OutputError: it has not, or is.
    """
    track = options.save_motion
    if track is None:
        return
    if track.suffix.lower() != TRACK_SUFFIX:
        raise OptionError(f"--save-motion {track}: give a name that ends in {TRACK_SUFFIX}", option="save_motion")
    if not track.absolute().parent.is_dir():
        raise OutputError(f"--save-motion {track}: there is no folder {track.absolute().parent}")
    if any(same_file(path, track) for path in [*inputs, *option_texts(options)]):
        raise OutputError(f"{track} is one of the inputs; give the motion another name")


def option_texts(options: argparse.Namespace) -> list[str]:
    """Values of the model's options that are still text; some name files."""
    given = [getattr(options, name, None) for kind in all_options().values() for name in kind.names()]
    return [value for value in given if isinstance(value, str)]


def same_file(path: str | os.PathLike, other: Path) -> bool:
    """Whether both are there, and one file."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):  # no names of files at all
        return False


def load_pipeline(options: argparse.Namespace, system: "System | None" = None):
    """The pipeline on its device, as the options say.

    Args:
        system: the model's, where it has been looked up already.
    """
    from emo.hub import locate_model, system_of

    quiet_loading()
    device = pick_device(options.device)
    place = locate_model(options.model)
    system = system or system_of(place)
    pipe: Any = system.pipeline.from_pretrained(place, dtype=pick_dtype(options.dtype, device))
    if options.attention:
        set_attention(pipe, options.attention)
    settle(pipe, options, device)
    if (device == "cpu" or options.offload) and hasattr(pipe.components.get("vae"), "enable_slicing"):
        pipe.vae.enable_slicing()  # frame by frame: as fast on a CPU, and less memory at the peak
    pipe.set_progress_bar_config(dynamic_ncols=True, unit="step")
    return pipe


def seed(text: str) -> int:
    """A whole number that a generator takes."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError
    return number


def set_attention(pipe, backend: str) -> None:
    """Choose attention kernels; an unknown or missing one is the user's error."""
    if not hasattr(pipe, "set_attention_backend"):
        raise OptionError("--attention: this model has kernels of its own; leave it out", option="attention")
    try:
        pipe.set_attention_backend(backend)
    except (ValueError, RuntimeError, ImportError) as error:
        raise EmoError(f"--attention {backend}: {error}") from None
