"""The tiny pipeline, a portrait, and generation with few steps."""

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
