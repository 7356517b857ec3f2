"""The tiny pipeline, a portrait, and generation with few steps; a short video of a pipeline of motion."""

import pytest
import torch
from tiny import noise, tiny_pipeline

from emo.pipelines import EMOPipeline


@pytest.fixture
def pipe() -> EMOPipeline:
    return tiny_pipeline()


@pytest.fixture
def generate(pipe, portrait):
    """`generate(seconds, **options)`: a short video as an array, by the same seed each time."""

    def run(seconds: float = 0.4, pipe=pipe, image=portrait, audio=None, **options):
        defaults = dict(num_inference_steps=2, audio_guidance_scale=1, output_type="np")
        options = {**defaults, "generator": torch.Generator().manual_seed(0), **options}
        return pipe(image, audio or noise(seconds), **options).frames

    return run


SECONDS = 0.8  # 20 frames, 3 windows of tiny pipelines of motion


@pytest.fixture
def given(portrait):
    """Arguments of a short video by a pipeline of motion, by the same seed each time."""

    def make(**options):
        seeded = {"generator": torch.Generator().manual_seed(0), "num_inference_steps": 2, "output_type": "uint8"}
        return {"image": portrait, "audio": noise(SECONDS)} | seeded | options

    return make
