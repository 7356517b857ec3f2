"""A fresh Python process that takes the double for the Hub, as a user's does: the address counts at import."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hub_double import HubDouble

PREAMBLE = """
import contextlib, io, json, sys
from pathlib import Path
import numpy
import torch
from diffusers import DiffusionPipeline
from tiny import noise, tiny_pipeline
from emo import EMOPipeline, EmoError
from emo.cli.main import main
from emo.generation.fingerprint import modules_fingerprint

result = {}

def networks(pipe):
    return {name: part for name, part in pipe.components.items() if isinstance(part, torch.nn.Module)}

def weights(pipe):
    return modules_fingerprint(networks(pipe), samples=10**9)  # all values

def dtypes(pipe):
    return sorted({str(part.dtype) for part in networks(pipe).values()})

def video(pipe):
    from skimage.data import astronaut
    pipe.set_progress_bar_config(disable=True)
    options = dict(num_inference_steps=1, output_type="np", generator=torch.Generator().manual_seed(0))
    numpy.save("video.npy", pipe(astronaut(), noise(0.4), **options).frames)
    return str(Path("video.npy").resolve())

def command(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(argument) for argument in arguments])
    return [status, out.getvalue(), err.getvalue()]

def refusal(load, *arguments, **options):
    try:
        load(*arguments, **options)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None
"""


def session(code: str, hub: HubDouble, home: Path, cwd: Path, first: str = "") -> dict[str, Any]:
    """Run code in a fresh process in `cwd`; what it puts into `result` comes back, and everything it prints.

    `first` runs before anything is imported.
    """
    environment = os.environ | hub.environment(home) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    script = f"{first}\n{PREAMBLE}\n{code}\nPath('result.json').write_text(json.dumps(result))\n"
    done = subprocess.run([sys.executable, "-c", script], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((cwd / "result.json").read_text()) | {"printed": done.stdout + done.stderr}
