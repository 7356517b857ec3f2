"""The weights that come along, on speech whose phones are known."""

import numpy as np
import pytest

from emo.articulation import Articulator
from emo.data.synthetic.speech import synthesize
from emo.media import AudioTrack
from emo.resources import bundled

FPS = 100.0


@pytest.fixture(scope="module")
def articulator() -> Articulator:
    return Articulator()


@pytest.mark.parametrize("seed", [10**6, 10**6 + 1, 10**6 + 2])
def test_lips_meet_in_bilabials_and_part_in_vowels(articulator, seed):
    speech = synthesize(seed, 2.5, phones=" amapaba tanaka ", clean=True)
    opening = articulator(speech.waveform, FPS).opening
    spans = [(s.phone, slice(round(s.start * FPS), round(s.end * FPS))) for s in speech.segments if s.end > s.start]
    vowels = np.mean([opening[span].max() for phone, span in spans if phone == "a"])
    shut = [opening[span].min() < vowels / 3 for phone, span in spans if phone in "mpb"]
    assert np.mean(shut) >= 2 / 3
    assert opening[spans[0][1]].max() < vowels  # silence


def test_the_mouth_rests_in_silence(articulator):
    mouth = articulator(np.zeros(16000, np.float32))
    assert mouth.opening.max() < 0.04
    assert mouth.opening.std() < 0.01


def test_the_file_is_small():
    assert (bundled("weights/articulation") / "diffusion_pytorch_model.safetensors").stat().st_size < 2 << 20


@pytest.mark.data
def test_a_real_mouth_is_followed(articulator, data):
    """One clip of a talker never learned from, beside its reading by FaceMesh."""
    from emo.articulation import measure_mouth
    from emo.face import track_face
    from emo.media import VideoReader

    path = data / "talkers/grid_others/grid_s23_priazn.mp4"
    with VideoReader(path) as video:
        landmarks = track_face(video.read([i])[0] for i in range(len(video))).landmarks
    real = measure_mouth(landmarks)
    track = AudioTrack.open(path)
    mouth = articulator(track.read(0, track.length), 25)
    count = min(len(mouth), len(real))
    assert np.corrcoef(mouth.opening[:count], real[:count, 0])[0, 1] > 0.7
    assert np.corrcoef(mouth.height[:count], real[:count, 2])[0, 1] > 0.7
