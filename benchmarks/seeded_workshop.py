"""Where the runs of `seeded.py` are made: inputs, models and videos that several of them start from."""

import os
import shutil
import subprocess
import sys
import wave
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image
from seeded_items import file_items, folder_items
from skimage.data import astronaut

ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
CPU = {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
TALKERS = ("--identities", "0", "--size", "160", "--seconds", "1.6", "--hours", "0.0009", "--test-share", "0.5")
PEOPLE = ("--identities", "4", "--size", "64", "--seconds", "0.8", "--hours", "0.0018", "--test-share", "0.25")
DRAWN = ("--workers", "1", "--no-compile")

Items = dict[str, Any]


class Workshop:
    """The folder that all is made in, and what several runs start from, made when it is first asked for.

    Attributes:
        folder: commands run in it, with paths relative to it.
        lent: the folder that EMO_TEST_DATA names, if it is there.
    """

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        lent = os.environ.get("EMO_TEST_DATA")
        self.lent = Path(lent).resolve() if lent and Path(lent).is_dir() else None
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environment = os.environ | ONE_THREAD | CPU | {"PYTHONPATH": paths}

    def python(self, *arguments: object, status: int = 0) -> str:
        """Run Python in the folder; returns what it wrote on its standard output.

        Raises:
            RuntimeError: it ended with another status.
        """
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if done.returncode != status:
            raise RuntimeError(f"{command}: status {done.returncode}\n{done.stderr[-2000:]}")
        return done.stdout

    def emo(self, *arguments: object) -> str:
        return self.python("-m", "emo", *arguments)

    def files(self, *names: str) -> Items:
        """Items of files in the folder."""
        items = {}
        for name in names:
            items |= file_items(self.folder / name, self.folder)
        return items

    def tree(self, name: str) -> Items:
        """Items of a folder in the folder."""
        return folder_items(self.folder / name, self.folder)

    @cached_property
    def portrait(self) -> str:
        """A photograph of a face, in a folder of its own."""
        (self.folder / "portraits").mkdir()
        Image.fromarray(astronaut()).save(self.folder / "portraits" / "astronaut.png")
        return "portraits/astronaut.png"

    @cached_property
    def people(self) -> str:
        """A dataset of avatars."""
        self.emo("synthesize", "--out", "people", *PEOPLE, *DRAWN)
        return "people"

    @cached_property
    def talkers(self) -> str:
        """A dataset of a photograph that talks."""
        self.emo("synthesize", "--out", "talkers", *TALKERS, *DRAWN, "--portraits", Path(self.portrait).parent)
        return "talkers"

    @cached_property
    def speech(self) -> str:
        """A recording of 0.8 s."""
        return self._sound("speech.wav", self.folder / self.people / "train" / "000000.mp4", 0.8)

    @cached_property
    def long_speech(self) -> str:
        """A recording of 1.6 s."""
        return self._sound("long.wav", self.folder / self.talkers / "train" / "000000.mp4", 1.6)

    @cached_property
    def face_and_voice(self) -> tuple[str, str]:
        """A real portrait and a real voice, if they are lent."""
        if self.lent is None:
            return self.portrait, self.speech
        shutil.copyfile(self.lent / "images" / "photo_actor_woman_240up.png", self.folder / "face.png")
        return "face.png", self._sound("voice.wav", self.lent / "audio" / "librispeech_198-209-0000.ogg", 1.0)

    def _sound(self, name: str, source: Path, seconds: float) -> str:
        """The begin of a file's sound as WAV, 16 kHz."""
        (self.folder / "sounds").mkdir(exist_ok=True)
        resampler = av.AudioResampler("s16", "mono", 16000)
        with av.open(source) as container:
            parts = [each.to_ndarray() for f in container.decode(audio=0) for each in resampler.resample(f)]
        samples = np.concatenate(parts, axis=1)[0, : round(seconds * 16000)]
        with wave.open(str(self.folder / "sounds" / name), "wb") as file:
            file.setparams((1, 2, 16000, len(samples), "NONE", ""))
            file.writeframes(samples.astype("<i2").tobytes())
        return f"sounds/{name}"

    def generate(self, name: str, *options: object, portrait: str | None = None, sound: str | None = None) -> str:
        """A video, made once."""
        if not (self.folder / name).exists():
            inputs = (portrait or self.portrait, sound or self.speech)
            self.emo("generate", *inputs, "-o", name, "--steps", "2", *options)
        return name

    @cached_property
    def plain(self) -> str:
        return self.generate("plain.mp4", "--seed", "3")

    @cached_property
    def pasted(self) -> str:
        return self.generate("pasted.mp4", "--seed", "4", "--paste-back")

    @cached_property
    def half(self) -> str:
        options = ("--dtype", "bfloat16", "--face-region", "full", "--speed", "0.6", "--audio-guidance", "1")
        return self.generate("half.mp4", "--seed", "5", *options, "--height", "64", "--width", "64")

    @cached_property
    def ddim(self) -> str:
        """The bundled model with DDIM, which takes eta."""
        shutil.copytree(ROOT / "weights" / "emo-tiny", self.folder / "ddim")
        for name in ("model_index.json", "scheduler/scheduler_config.json"):
            path = self.folder / "ddim" / name
            path.write_text(path.read_text().replace("DPMSolverMultistepScheduler", "DDIMScheduler"))
        return "ddim"

    @cached_property
    def optioned(self) -> str:
        """A video with every option that takes a value."""
        (self.folder / "speeds.txt").write_text("\n".join(str(0.1 + 0.02 * n) for n in range(24)) + "\n")
        options = ("--audio-guidance", "2.5", "--reference-guidance", "1.5", "--speed", "speeds.txt", "--face", "1")
        noise = ("--noise-correlation", "0.5", "--noise-mirroring", "0.4", "--eta", "0.5", "--dtype", "float32")
        size = ("--face-region", "120,10,360,260", "--height", "96", "--width", "160", "--fps", "30000/1001")
        return self.generate("options.mp4", "--model", self.ddim, "--seed", "7", *options, *noise, *size)

    @cached_property
    def long_options(self) -> tuple[str, ...]:
        return ("--model", self.ddim, "--eta", "0.5", "--seed", "9", "--speed", "0.4")

    @cached_property
    def whole(self) -> str:
        """A video of several clips."""
        return self.generate("whole.mp4", *self.long_options, sound=self.long_speech)

    @cached_property
    def toy_config(self) -> str:
        """Of a model as small as it gets; a copy, since outputs keep its path."""
        shutil.copyfile(ROOT / "configs" / "train" / "smoke" / "model.yaml", self.folder / "toy.yaml")
        return "toy.yaml"

    @cached_property
    def toy(self) -> str:
        """A random model of that configuration."""
        self.emo("init", "--out", "toy", "--config", self.toy_config, "--seed", "1")
        return "toy"

    @cached_property
    def cached(self) -> str:
        """The people with a cache of the toy's latents."""
        self.emo("cache", self.people, "--model", self.toy, "--device", "cpu")
        return self.people

    def train(self, script: str, config: str, *options: str) -> str:
        """Ten steps of a training script, once; returns its folder."""
        if not (self.folder / config / "model").exists():
            loop = ("steps=10", "log_every=1", "tensorboard=false", "save_every=0", "optimizer.warmup_steps=2")
            common = (f"train.output={config}", "data.workers=0", *(f"train.{option}" for option in loop))
            path = ROOT / f"configs/train/emo-tiny/{config}.yaml"
            self.python(ROOT / "train" / script, "--config", path, *common, *options)
        return config

    def stage(self, number: int) -> str:
        """Training of one of EMO's stages, the ones before it first."""
        before = self.toy if number == 1 else f"{self.stage(number - 1)}/model"
        start = [f"model.init={before}", *(f"model.{name}=null" for name in ("config", "vae", "audio_encoder"))]
        shown = [f"validation.portraits=[{self.portrait}]", f"validation.sounds=[{self.speech}]"]
        shown += ["validation.num_inference_steps=2", "validation.seconds=0.4", "train.validate_every=10"]
        data = [f"data.root={self.cached}", "data.batch_size=2", f"data.cache={'false' if number == 1 else 'true'}"]
        script = {1: "stage1_image.py", 2: "stage2_video.py", 3: "stage3_speed.py"}[number]
        return self.train(script, f"stage{number}", *data, *(start if number == 1 else start[:1]), *shown)
