"""A text becomes a track, which pipelines take in place of a recording and videos tell of."""

import pickle

import numpy as np
import pytest
from tiny import tiny_pipeline

from emo.errors import OptionError, SpeechError
from emo.media import AudioTrack, read_origin
from emo.speech import MAX_TEXT, check_text, engines, speak

SPEECH = {"engine": "hum", "version": "1.0", "voice": "low", "license": "CC0-1.0"}


def test_texts_without_words_and_too_long_ones_are_refused():
    for text in ("", " \n", "…!"):
        with pytest.raises(OptionError, match="the text is empty") as caught:
            check_text(text)
        assert caught.value.option == "text"
    with pytest.raises(OptionError, match=rf"has {MAX_TEXT + 1} characters, and at most {MAX_TEXT}"):
        check_text("a" * (MAX_TEXT + 1))


def test_control_characters_are_no_commands():
    assert check_text("a\x01 80S\tb\nc\x00") == "a  80S b\nc "


def test_a_track_tells_who_speaks_at_any_rate_and_after_a_copy(hum):
    track = speak("Hello there")
    assert track.speech == SPEECH
    assert AudioTrack.open(track, sampling_rate=8000).speech == SPEECH
    assert pickle.loads(pickle.dumps(track)).speech == SPEECH
    assert AudioTrack.open((np.zeros(1600, np.float32), 16000)).speech is None


def test_the_sound_is_the_engines_own_sample_by_sample(hum):
    track = speak("Hello there")
    assert float(track.duration) == pytest.approx(11 * 0.05)
    assert np.abs(np.concatenate(list(track.blocks()))).max() == pytest.approx(0.3, abs=0.001)


def test_videos_tell_who_spoke(hum, portrait, tmp_path):
    pipe = tiny_pipeline()
    pipe.set_progress_bar_config(disable=True)
    quick = {"num_inference_steps": 1, "audio_guidance_scale": 1}
    pipe(portrait, speak("Hi all"), **quick).save(tmp_path / "out.mp4")
    assert read_origin(tmp_path / "out.mp4")["speech"] == SPEECH
    pipe(portrait, (np.zeros(4800, np.float32), 16000), **quick).save(tmp_path / "other.mp4")
    assert "speech" not in read_origin(tmp_path / "other.mp4")


def test_what_is_no_sound_is_told(hum, monkeypatch):
    monkeypatch.setattr(engines.OWN[0], "speak", lambda text, voice, path: path.write_bytes(b"no sound at all"))
    with pytest.raises(SpeechError, match="hum: what it made is no sound"):
        speak("Hello")
