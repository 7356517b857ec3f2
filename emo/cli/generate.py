"""`emo generate`: a portrait and a recording become a video file."""

import argparse
import os
import time
from contextlib import nullcontext
from pathlib import Path

from emo.cli.arguments import add_pipeline, pick_device, pick_dtype
from emo.cli.like import fill_in
from emo.console import note, quiet_loading, say
from emo.errors import AudioError, EmoError, ImageError, OptionError, OutputError, VideoError
from emo.locks import claim

AUTO, FREE = "auto", "free"  # --face-region and --speed: the defaults by name, where --like says something else


def add_parser(commands) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        "generate", help="animate a portrait by a recording", description="Animate a portrait by a recording."
    )
    parser.add_argument("image", type=Path, help="the portrait: any picture with a face")
    parser.add_argument("audio", type=Path, help="the recording: any sound or video file with speech or song")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the video to write (.mp4 or .mov)")

    add_pipeline(parser.add_argument_group("model"), dtype=None)

    video = parser.add_argument_group("video")
    video.add_argument("--height", type=int, help="pixels (default: the model's)")
    video.add_argument("--width", type=int, help="pixels (default: the model's)")
    video.add_argument("--fps", help="frames per second, as 25 or 30000/1001 (default 25)")
    video.add_argument("--steps", type=int, help="denoising steps per clip (default 40)")
    video.add_argument("--audio-guidance", type=float, help="how strongly the sound drives (default 1.5)")
    video.add_argument("--reference-guidance", type=float, help="same for the portrait (default 1: off)")
    video.add_argument(
        "--noise-correlation", type=float, help="of the noise of neighboring frames, 0 to 1 (default: the model's)"
    )
    video.add_argument(
        "--noise-mirroring", type=float, help="noise each clip takes over from the one before, 0 to 1 (default 0.9)"
    )
    video.add_argument("--eta", type=float, help="randomness of steps, 0 to 1, for models with DDIM (default 0)")
    video.add_argument("--seed", type=seed, help="same seed, same video (default 0)")

    motion = parser.add_argument_group("face and motion")
    motion.add_argument("--face", type=int, metavar="N", help="which of several faces, counted from the left")
    motion.add_argument(
        "--face-region",
        metavar="REGION",
        help="where the face may move: full, a box x0,y0,x1,y1 in the picture's pixels, a mask picture, or auto "
        "(default): the face's own box, somewhat larger",
    )
    motion.add_argument(
        "--speed",
        metavar="DEGREES",
        help="head rotation per frame, about 0.1 to 1.3; one number, a text file of one per frame, or free (default)",
    )
    motion.add_argument(
        "--paste-back",
        action=argparse.BooleanOptionalAction,
        help="put the animated face back into the full picture",
    )
    parser.add_argument(
        "--like", type=Path, metavar="VIDEO", help="repeat how this video was made; other options given here win"
    )

    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="continue an interrupted generation of this output")
    again.add_argument("--restart", action="store_true", help="discard an interrupted generation of this output")
    return parser


def run(options: argparse.Namespace) -> None:
    check_paths(options)
    with claim(options.output):
        generate(options)


def generate(options: argparse.Namespace) -> None:
    """Make the video, of which nobody else is at work."""
    options.face_region, options.speed = parse_region(options.face_region), parse_speed(options.speed)
    like = fill_in(options)
    region = None if isinstance(options.face_region, str) and options.face_region == AUTO else options.face_region
    speed = None if options.speed == FREE else options.speed

    import torch

    from emo.generation import fingerprint, load_resume_point, write_video

    started = time.monotonic()
    resume = load_resume_point(options.output, resume=options.resume, restart=options.restart)
    pipe = load_pipeline(options)
    if like:
        like.compare(pipe)
    with like.explained() if like else nullcontext():
        stream = pipe.stream(
            options.image,
            options.audio,
            height=options.height,
            width=options.width,
            fps=options.fps,
            num_inference_steps=options.steps,
            audio_guidance_scale=options.audio_guidance,
            reference_guidance_scale=options.reference_guidance,
            noise_correlation=options.noise_correlation,
            noise_mirroring=options.noise_mirroring,
            eta=options.eta,
            face_region=region,
            face=options.face,
            speed=speed,
            paste_back=options.paste_back,
            generator=torch.Generator().manual_seed(options.seed),
            output_type="uint8",
            resume_from=resume and resume.state,
        )
    try:
        write_video(stream, options.output, fingerprint=fingerprint(pipe, stream, options.seed), resume=resume)
    except BaseException:
        if load_resume_point(options.output, resume=True, restart=False):
            note(f"{options.output} is unfinished; the same command with --resume continues")
        raise

    seconds = time.monotonic() - started
    frames = stream.num_frames - stream.start.next_clip * pipe.unet.config.num_frames
    say(
        f"{options.output}: {stream.num_frames} frames, {float(stream.num_frames / stream.fps):.2f} s of video; "
        f"took {seconds:.1f} s, {seconds / max(1, frames):.3f} s per frame"
    )


def check_paths(options: argparse.Namespace) -> None:
    """The inputs must be files; the output none of them, and of a kind that can be written where it is to be."""
    from emo.files import require_file
    from emo.generation.write import resume_path
    from emo.hub import locate_model
    from emo.media import check_output, spool_path

    check_output(options.output)
    if options.model is not None or options.like is None:
        locate_model(options.model)
    require_file(options.image, ImageError)
    require_file(options.audio, AudioError)
    if options.like is not None:
        require_file(options.like, VideoError)
    inputs = [options.image, options.audio, *filter(None, (options.face_region, options.speed, options.like))]
    for path in inputs:
        if same_file(path, options.output):
            raise OutputError(f"{options.output} is one of the inputs; give the video another name")
        if any(same_file(path, beside(options.output)) for beside in (spool_path, resume_path)):
            raise OutputError(f"{path} is where {options.output} is kept until it is finished; rename one of them")


def same_file(path: str | os.PathLike, other: Path) -> bool:
    """Whether both are there, and one file."""
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):  # no names of files at all
        return False


def load_pipeline(options: argparse.Namespace):
    """The pipeline on its device, as the options say."""
    from emo.hub import locate_model, registry

    quiet_loading()
    device = pick_device(options.device)
    pipe = registry.load_pipeline(locate_model(options.model), dtype=pick_dtype(options.dtype, device))
    if options.attention:
        set_attention(pipe, options.attention)
    if options.offload:
        pipe.enable_model_cpu_offload(device=device)
    else:
        pipe.to(device)
    if device == "cpu":
        pipe.vae.enable_slicing()  # frame by frame: as fast there, and a fifth less memory at the peak
    pipe.set_progress_bar_config(dynamic_ncols=True, unit="step")
    return pipe


def seed(text: str) -> int:
    """A whole number that a generator takes."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError
    return number


def parse_region(text: str | None):
    """None, AUTO, "full", a box as four numbers, or a mask picture's pixels."""
    if text in (None, AUTO, "full"):
        return text
    parts = text.split(",")
    if len(parts) == 4:
        try:
            return tuple(float(part) for part in parts)
        except ValueError:
            raise OptionError(f"--face-region {text}: a box is four numbers, x0,y0,x1,y1") from None
    from emo.media import load_image

    return load_image(text)


def parse_speed(text: str | None) -> str | float | list[float] | None:
    """None, FREE, one number, or the numbers of a text file."""
    if text in (None, FREE):
        return text
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return [float(word) for word in Path(text).read_text(encoding="utf-8-sig").replace(",", " ").split()]
    except (OSError, ValueError) as error:
        raise OptionError(f"--speed {text}: neither a number nor a file of numbers ({error})") from None


def set_attention(pipe, backend: str) -> None:
    """Choose attention kernels; an unknown or missing one is the user's error."""
    try:
        pipe.set_attention_backend(backend)
    except (ValueError, RuntimeError, ImportError) as error:
        raise EmoError(f"--attention {backend}: {error}") from None
