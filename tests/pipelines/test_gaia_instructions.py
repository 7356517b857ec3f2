"""Instructions in words at tiny size: a sentence in the place of speech."""

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from tiny import noise, tiny_gaia

from emo import GAIAPipeline
from emo.errors import ConfigError, OptionError
from emo.generation.origin import repeat_options
from emo.motion import MotionTrack
from emo.motion.gaia.instruction import Instruction
from emo.motion.gaia.words import END, LONGEST, START, sentence_ids, small_tokenizer
from emo.pipelines import GAIAOptions

SENTENCES = ("please smile", "turn your head to the left", "turn your head to the right")


@pytest.fixture(scope="module")
def pipe() -> GAIAPipeline:
    made = tiny_gaia(sentences=SENTENCES)
    made.text_encoder.text_projection.weight.data.mul_(100)  # so that sentences differ by more than rounding
    return made


@pytest.fixture
def motion(pipe, portrait):
    def make(instruction: str | None = SENTENCES[0], pipe=pipe, audio=None, **options) -> torch.Tensor:
        seeded = {"generator": torch.Generator().manual_seed(0), "num_inference_steps": 2, "image": portrait}
        return pipe.generate_motion(audio or noise(0.8), instruction=instruction, **seeded | options).values

    return make


def test_known_words_are_tokens_and_others_are_pieces():
    tokenizer = small_tokenizer(SENTENCES)
    assert tokenizer.tokenize("smile") == ["smile</w>"]
    assert len(tokenizer.tokenize("zebra")) > 1
    ids = sentence_ids(tokenizer, ["Please smile!", "", "smile " * 99])
    assert ids.shape == (3, LONGEST)
    start, end = tokenizer.convert_tokens_to_ids([START, END])
    assert ids[:, 0].tolist() == [start] * 3
    assert ids[1, 1:].tolist() == [end] * (LONGEST - 1)
    assert ids[2, -1] == end
    assert ids.max() < len(tokenizer)
    assert torch.equal(ids[0], sentence_ids(tokenizer, ["please  SMILE !"])[0])


def test_a_sentence_is_the_same_for_every_frame_and_for_nobody_nothing(pipe):
    said = Instruction.of("please smile", pipe.tokenizer, pipe.text_encoder, torch.device("cpu"))
    both = said(torch.zeros(2, 5, 3), torch.zeros(2, 5, 3), torch.tensor([True, False]))
    assert both.shape == (2, 5, 8)
    assert torch.equal(both[0], said.told.expand(5, -1))
    assert torch.equal(both[1], said.nothing.expand(5, -1))
    assert not torch.allclose(said.told, said.nothing)


def test_sentences_say_what_is_done_and_sounds_do_not(motion):
    made = motion()
    assert made.shape == (20, 48)
    assert not torch.allclose(motion(SENTENCES[1]), made)
    assert not torch.allclose(motion(None), made)
    torch.testing.assert_close(motion(audio=noise(0.8, seed=1)), made)
    assert not torch.allclose(motion(audio_guidance_scale=2.0), made)


def test_it_is_saved_and_loaded_and_recorded(pipe, motion, portrait, tmp_path):
    pipe.save_pretrained(tmp_path / "told")
    for kind in (GAIAPipeline, DiffusionPipeline):
        loaded = kind.from_pretrained(tmp_path / "told", trust_remote_code=True)
        loaded.set_progress_bar_config(disable=True)
        torch.testing.assert_close(motion(pipe=loaded), motion(), atol=1e-4, rtol=1e-4)
    stream = pipe.stream(portrait, noise(0.8), instruction=" please smile ")
    assert repeat_options(stream.origin, "it", GAIAOptions)["instruction"] == "please smile"
    frames = pipe(portrait, noise(0.4), instruction="please smile", num_inference_steps=1, output_type="np").frames
    assert np.isfinite(frames).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"instruction": " "}, "instruction is a sentence"),
        ({"pose": (1, 2, 3)}, "pose: an instruction says what is done, too"),
        ({"motion": MotionTrack.rest(4, 25)}, "motion: an instruction says what is done, too"),
    ],
)
def test_what_does_nothing_beside_it_is_refused(pipe, portrait, options, words):
    with pytest.raises(OptionError, match=words):
        pipe.stream(portrait, noise(0.4), **{"instruction": "please smile"} | options)


def test_parts_that_do_not_fit_are_refused(pipe, portrait):
    with pytest.raises(OptionError, match="instruction: this model understands no sentences"):
        tiny_gaia().stream(portrait, noise(0.4), instruction="please smile")
    with pytest.raises(ConfigError, match="text_denoiser, text_encoder, tokenizer go together"):
        GAIAPipeline(**pipe.components | {"tokenizer": None})
    longer = type(pipe.denoiser).from_config(pipe.denoiser.config, max_length=20)
    with pytest.raises(ConfigError, match="text_denoiser: it makes other latents, or sequences of another length"):
        GAIAPipeline(**pipe.components | {"text_denoiser": longer})
    with pytest.raises(OptionError, match="instruction is not for live sound"):
        pipe.live(portrait, [noise(0.4)[0]], instruction="please smile")
