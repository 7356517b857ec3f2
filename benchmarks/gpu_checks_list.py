"""The entries of docs/gpu-checks.md as gpu_checks.py has them run: what costs little and tells most comes first."""

import sys
import wave
from pathlib import Path

import numpy as np
from gpu_checks_run import ROOT, Check, Place, Told, Verdict, missed

PYTHON = sys.executable
EMO = [PYTHON, "-m", "emo"]
PROBE = [PYTHON, str(ROOT / "benchmarks/gpu_probe.py")]
TOY = str(ROOT / "configs/train/smoke/model.yaml")
RATE = 16000
CLOSE = 35.0  # dB, of pictures that differ by rounding alone
KERNELS_CLOSE = 30.0  # dB: some kernels round on purpose
MEMORY = {1: 47.0, 2: 60.0, 3: 26.0}  # GiB with checkpointing, a fifth above the table of docs/training.md


def inputs(place: Place, seconds: float, name: str = "speech") -> tuple[str, str]:
    """A portrait, and a recording of that name, in a check's folder."""
    from PIL import Image
    from skimage.data import astronaut

    portrait, sound = place.folder / "portrait.png", place.folder / f"{name}.wav"
    Image.fromarray(astronaut()).save(portrait)
    time = np.arange(round(seconds * RATE)) / RATE
    voice = np.sin(2 * np.pi * 150 * time) * np.sin(2 * np.pi * 2 * time)
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((9000 * voice).astype("<i2").tobytes())
    return str(portrait), str(sound)


def sizes(place: Place, steps: int) -> list[str]:
    """CONFIG SIZE STEPS DTYPE DEVICE of a probe."""
    return [TOY, "64", "2", "float32", "cpu"] if place.tiny else ["emo-sd15", "512", str(steps), "bfloat16", "cuda"]


def setting(place: Place) -> list[list[str]]:
    config, size, steps, dtype, device = sizes(place, 40)
    command = [PYTHON, str(ROOT / "benchmarks/generate.py"), "--config", config, "--size", size, "--steps", steps]
    return [[*command, "--dtype", dtype, "--device", device, "--clips", "1" if place.tiny else "2"]]


def judge_setting(told: list[Told]) -> Verdict:
    values = told[0].values
    seconds, memory = values["seconds_per_clip"], values["peak_memory_gib"]
    return Verdict(f"{seconds:.2f} s per clip, {memory:.1f} GiB", missed("the time", seconds, most=5))


def compiled(place: Place) -> list[list[str]]:
    return [[*PROBE, "compile", *sizes(place, 40)]]


def judge_compiled(told: list[Told]) -> Verdict:
    values = told[0].values
    eager, fast, psnr = values["eager_seconds"], values["compiled_seconds"], values["psnr_db"]
    words = f"{fast:.2f} s per clip for {eager:.2f} s, {psnr:.1f} dB to it"
    return Verdict(words, [*missed("the picture", psnr, least=CLOSE), *missed("the time", fast, most=eager)])


def kernels(place: Place) -> list[list[str]]:
    return [[*PROBE, "kernels", *sizes(place, 10)]]


def judge_kernels(told: list[Told]) -> Verdict:
    found = told[0].values["kernels"]
    worked = {name: each for name, each in found.items() if "error" not in each}
    words = [f"{name} {each['seconds_per_clip']:.2f} s {each['psnr_db']:.0f} dB" for name, each in worked.items()]
    words += [f"{name} fails ({each['error'][:60]})" for name, each in found.items() if "error" in each]
    wrong = [miss for name, each in worked.items() for miss in missed(name, each["psnr_db"], least=KERNELS_CLOSE)]
    return Verdict(", ".join(words), wrong)


DTYPES = ("float32", "bfloat16", "float16")


def half(place: Place) -> list[list[str]]:
    image, sound = inputs(place, 0.2 if place.tiny else 1.0)
    tests = ["tests/unets/test_inputs.py"] if place.tiny else ["tests/pipelines", "tests/unets", "-m", "not slow"]
    commands = [[PYTHON, "-m", "pytest", "-q", *tests, *([] if place.tiny else ["-n", "8", "--dist", "loadfile"])]]
    for model in ("emo-tiny", "vasa-mesh"):
        videos = [str(place.folder / f"{model}-{dtype}.mp4") for dtype in DTYPES]
        for dtype, video in zip(DTYPES, videos, strict=True):
            more = ["--steps", "1", "--restart"] if place.tiny else ["--restart"]
            where = ["--model", model, "--device", place.device, "--dtype", dtype]
            commands.append([*EMO, "generate", image, sound, "-o", video, *where, *more])
        commands += [[*PROBE, "same", videos[0], video] for video in videos[1:]]
    return commands


def judge_half(told: list[Told]) -> Verdict:
    figures = [each.values["psnr_db"] for each in told if "psnr_db" in each.values]
    names = [f"{model} {dtype}" for model in ("emo-tiny", "vasa-mesh") for dtype in DTYPES[1:]]
    words = ", ".join(f"{name} {psnr:.1f} dB" for name, psnr in zip(names, figures, strict=True))
    wrong = [miss for name, psnr in zip(names, figures, strict=True) for miss in missed(name, psnr, least=CLOSE)]
    return Verdict(f"tests pass, {words}", wrong)


def offload(place: Place) -> list[list[str]]:
    image, short = inputs(place, 0.48, "clip")  # one of EMO's
    _, sound = inputs(place, 0.2 if place.tiny else 5.0)
    folder = str(place.folder / "sd15")
    commands = [[*EMO, "init", "--config", TOY if place.tiny else "emo-sd15", "--out", folder]]
    for model, heard, more in ((folder, short, ["--steps", "2"]), ("vasa-mesh", sound, [])):
        videos = [str(place.folder / f"{Path(model).name}-{kind}.mp4") for kind in ("whole", "offloaded")]
        dtype = ["--dtype", "float32" if place.tiny else "bfloat16"]
        for video, flag in zip(videos, ([], [] if place.tiny else ["--offload"]), strict=True):
            where = ["--model", model, "--device", place.device, *dtype, *flag, "--restart"]
            commands.append([*PROBE, "emo", "generate", image, heard, "-o", video, *where, *more])
        commands.append([*PROBE, "same", *videos])
    return commands


def judge_offload(told: list[Told]) -> Verdict:
    whole, offloaded, same, _, _, same_motion = (each.values for each in told[1:])
    before, after = whole["peak_gib"], offloaded["peak_gib"]
    words = f"{after:.1f} GiB for {before:.1f}, {same['psnr_db']:.0f} and {same_motion['psnr_db']:.0f} dB"
    wrong = missed("the memory", after, most=0.8 * before)
    pairs = (("emo-sd15", same), ("vasa-mesh", same_motion))
    return Verdict(words, wrong + [m for name, each in pairs for m in missed(name, each["psnr_db"], least=50)])


def resumed(place: Place) -> list[list[str]]:
    commands = []
    for model, seconds, more in (("emo-tiny", 1.0, ["--steps", "1" if place.tiny else "12"]), ("vasa-mesh", 2.5, [])):
        image, sound = inputs(place, seconds if place.tiny else 2 * seconds, model)
        where = ["--model", model, "--device", place.device, *more]
        commands.append([*PROBE, "resume", str(place.folder / model), "generate", image, sound, *where])
    return commands


def judge_resumed(told: list[Told]) -> Verdict:
    names = dict(zip(("emo-tiny", "vasa-mesh"), (each.values for each in told), strict=True))
    words = [f"{name} {'equal' if each['equal'] else 'differs'}" for name, each in names.items()]
    late = [f"{name} ended before it could be killed" for name, each in names.items() if not each["killed"]]
    return Verdict(", ".join(words), late + [f"{name} misses its bar" for name, e in names.items() if not e["equal"]])


def people(place: Place) -> list[list[str]]:
    folders = {name: str(place.folder / name) for name in ("many", "few-cpu", "few-gpu")}
    small = ["--identities", "2", "--hours", "0.0011", "--seconds", "2", "--size", "64", "--test-share", "0"]
    plain = ["--no-compile"] if place.tiny else []
    many = small if place.tiny else ["--identities", "200", "--hours", "0.5"]
    return [
        [*EMO, "synthesize", "--out", folders["many"], *many, "--device", place.device, *plain],
        [*EMO, "synthesize", "--out", folders["few-cpu"], *small, "--device", "cpu", "--no-compile"],
        [*EMO, "synthesize", "--out", folders["few-gpu"], *small, "--device", place.device, *plain],
        [*PROBE, "same", folders["few-cpu"], folders["few-gpu"]],
    ]


def judge_people(told: list[Told]) -> Verdict:
    rate, psnr = 0.5 * 3600 * 25 / told[0].seconds, told[3].values["psnr_db"]
    wrong = [*missed("the rate", rate, least=300), *missed("the picture", psnr, least=CLOSE)]
    return Verdict(f"{rate:.0f} frames a second, {psnr:.1f} dB to the CPU's", wrong)


def stages(place: Place) -> list[list[str]]:
    data, steps = str(place.folder / "people"), "2" if place.tiny else "50"
    size = ["--size", "64", "--hours", "0.0011"] if place.tiny else ["--size", "512", "--hours", "0.004"]
    plain = ["--device", place.device, *(["--no-compile"] if place.tiny else [])]
    people = ["--identities", "2", "--seconds", "2", "--test-share", "0"]
    commands = [[*EMO, "synthesize", "--out", data, *size, *people, *plain]]
    nothing = {1: ["model.sd15=null", "model.motion_adapter=null", "model.audio_encoder=null"]}
    for number, name in enumerate(("image", "video", "speed"), 1):
        out = place.folder / f"stage{number}"
        config = str(ROOT / f"configs/train/emo-sd15/stage{number}.yaml")
        told = [f"data.root={data}", f"model.config={TOY if place.tiny else 'emo-sd15'}", f"train.output={out}"]
        told += [*nothing.get(number, ["model.init=null"]), "model.random_encoders=true", *endless(place)]
        script = str(ROOT / f"train/stage{number}_{name}.py")
        commands.append([*PROBE, "train", steps, str(out / "log.jsonl"), script, "--config", config, *told])
    return commands


def endless(place: Place) -> list[str]:
    """Settings of a training that a probe ends."""
    common = ["train.steps=1000", "train.tensorboard=false", "train.save_every=0"]
    if place.tiny:
        return [*common, "train.log_every=1", "train.mixed_precision=no", "data.workers=0", "data.batch_size=2"]
    return [*common, "train.log_every=10", "train.mixed_precision=bf16"]


def judge_stages(told: list[Told]) -> Verdict:
    words, wrong = [], []
    for number, each in enumerate(told[1:], 1):
        rate, peak = each.values["samples_per_second"], each.values["peak_gib"]
        words.append(f"stage {number} {rate:.2f} samples/s {peak:.0f} GiB")
        wrong += missed(f"stage {number}'s memory", peak, most=MEMORY[number])
        wrong += [] if each.values["loss"] is not None else [f"stage {number}'s loss is no number"]
    return Verdict(", ".join(words), wrong)


def face(place: Place) -> list[list[str]]:
    pairs, out = str(place.folder / "pairs"), place.folder / "face"
    make = ["--clips", "4", "--size", "64"] if place.tiny else ["--clips", "32", "--size", "512"]
    people = ["--frames", "2", "--identities", "3", "--test-share", "0.34", "--workers", "1" if place.tiny else "14"]
    config = str(ROOT / f"configs/train/{'vasa-tiny' if place.tiny else 'vasa-paper'}/face.yaml")
    told = [f"data.pairs={pairs}", f"train.output={out}", *endless(place)]
    told += ["model.sample_size=64"] if place.tiny else []
    script = str(ROOT / "train/vasa_face.py")
    sizes = ["tiny", "3", "float32", "cpu"] if place.tiny else ["vasa-paper", "200", "bfloat16", "cuda"]
    steps = "2" if place.tiny else "50"
    return [
        [PYTHON, str(ROOT / "train/reference_decoder_data.py"), "--out", pairs, *make, *people],
        [*PROBE, "train", steps, str(out / "log.jsonl"), script, "--config", config, *told],
        [*PROBE, "draw", *sizes],
    ]


def judge_face(told: list[Told]) -> Verdict:
    trained, drawn = told[1].values, told[2].values
    words = f"{trained['samples_per_second']:.1f} samples/s, {trained['peak_gib']:.0f} GiB, "
    wrong = [] if trained["loss"] is not None else ["the loss is no number"]
    rate = drawn["frames_per_second"]
    return Verdict(f"{words}{rate:.0f} frames a second", wrong + missed("drawing", rate, least=40))


def motion(place: Place) -> list[list[str]]:
    _, sound = inputs(place, 4.5 if place.tiny else 20.0)
    tracks, out, model = str(place.folder / "tracks"), place.folder / "motion", str(place.folder / "paper")
    hours = (
        ["--hours", "0.003", "--identities", "2", "--test-share", "0.5"]
        if place.tiny
        else ["--hours", "0.5", "--identities", "20"]
    )
    config = str(ROOT / f"configs/train/{'vasa-tiny' if place.tiny else 'vasa-paper'}/motion.yaml")
    told = [f"data.root={tracks}", f"train.output={out}", *endless(place)]
    told += [f"model.audio_encoder={ROOT / 'weights/audio-encoder'}"]  # the paper's is on the Hub, and learns nothing
    script, steps = str(ROOT / "train/vasa_motion.py"), "2" if place.tiny else "50"
    return [
        [*EMO, "synthesize", "--tracks", "--out", tracks, *hours, "--seconds", "5"],
        [*PROBE, "train", steps, str(out / "log.jsonl"), script, "--config", config, *told],
        [*EMO, "init", "--config", "vasa-mesh" if place.tiny else "vasa-paper", "--out", model],
        [*PROBE, "windows", model, sound, steps, place.device],
    ]


def judge_motion(told: list[Told]) -> Verdict:
    trained, seconds = told[1].values, told[3].values["seconds_per_window"]
    words = f"{trained['samples_per_second']:.0f} windows/s, {trained['peak_gib']:.0f} GiB, {seconds:.2f} s per window"
    return Verdict(words, missed("the time", seconds, most=2))


def sequences(place: Place) -> list[list[str]]:
    _, sound = inputs(place, 4.5 if place.tiny else 20.0)
    model, size = str(place.folder / "gaia"), "gaia-tiny" if place.tiny else "gaia-small"
    return [
        [*EMO, "init", "--config", size, "--out", model],
        [*PROBE, "windows", model, sound, "2" if place.tiny else "50", place.device],
    ]


def judge_sequences(told: list[Told]) -> Verdict:
    seconds = told[1].values["seconds_per_window"]
    return Verdict(f"{seconds:.2f} s per sequence", missed("the time", seconds, most=5))


CHECKS = [
    Check(1, "the paper's setting", "at most 5 s per clip", 2.5, setting, judge_setting),
    Check(6, "resume on a GPU", "both files equal those of unkilled runs", 2.5, resumed, judge_resumed),
    Check(2, "torch.compile", "at least 35 dB to the eager clip, and no slower", 3, compiled, judge_compiled),
    Check(3, "attention backends", "at least 30 dB to the default's clip, each", 2, kernels, judge_kernels),
    Check(4, "half precision", "tests pass; at least 35 dB to float32, each", 4.5, half, judge_half),
    Check(10, "VASA-1's motion", "at most 2 s per window of 50 steps", 2, motion, judge_motion),
    Check(11, "GAIA's motion", "at most 5 s per sequence of 50 steps", 1, sequences, judge_sequences),
    Check(9, "VASA-1's face model", "a finite loss; at least 40 frames a second", 2, face, judge_face),
    Check(5, "offload", "at most 0.8 of the peak memory; the same frames (50 dB)", 4, offload, judge_offload),
    Check(8, "training", "finite losses; at most 47, 60 and 26 GiB", 4, stages, judge_stages),
    Check(7, "synthetic people", "at least 300 frames a second; 35 dB to the CPU's", 3.5, people, judge_people),
]
