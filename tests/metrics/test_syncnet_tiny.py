"""The small SyncNet that comes along: it finds by how much sound is shifted, for people it has never seen."""

import pytest
import torch
from threads import one_thread  # noqa: F401 (a fixture)

from emo.data.synthesize import synthesize_dataset
from emo.data.synthetic.config import SyntheticConfig
from emo.face import FaceDetector, track_face
from emo.media import AudioTrack, VideoReader
from emo.metrics.lip_sync import LipSync, lip_sync
from emo.metrics.syncnet import SyncNet
from emo.resources import bundled

FRAMES, SAMPLES = 75, 640
LADDER = (0, 1, 2, 4, 8)


@pytest.fixture(scope="module")
def network() -> SyncNet:
    return SyncNet.from_pretrained(bundled("weights") / "syncnet-tiny")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Frames, landmarks and sound of two people who are in no training set."""
    root = tmp_path_factory.mktemp("people") / "dataset"
    for _ in synthesize_dataset(
        SyntheticConfig(seed=77, identities=2, seconds=3.0, test_share=0.0, edition=1),
        2,
        root,
        workers=1,
        compile=False,
    ):
        pass
    return list(read(sorted((root / "train").glob("*.mp4"))))


def read(paths):
    with FaceDetector() as detector:
        for path in paths:
            with VideoReader(path) as video, AudioTrack.open(path) as sound:
                frames = video.read(range(FRAMES))
                landmarks = track_face(frames, detector).landmarks
                yield path.name, frames, landmarks, sound.read(0, min(sound.length, FRAMES * SAMPLES))


def shifted(network: SyncNet, frames, landmarks, waveform, shift: int) -> LipSync:
    """The measure of a clip whose mouth is so many frames later than its sound."""
    pictures = slice(0, FRAMES - shift) if shift >= 0 else slice(-shift, FRAMES)
    sound = waveform[shift * SAMPLES :] if shift >= 0 else waveform[: shift * SAMPLES]
    return lip_sync(network, frames[pictures], landmarks[pictures], sound)


def test_it_is_small_and_sees_mouths(network):
    assert sum(parameter.numel() for parameter in network.parameters()) <= 400_000
    files = list((bundled("weights") / "syncnet-tiny").glob("*.safetensors"))
    assert sum(file.stat().st_size for file in files) <= 1.2e6
    assert network.config.region == "mouth"
    assert not network.training
    assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())


def test_shifts_of_new_people_are_found(network, people):
    for name, *person in people:
        ladder = [shifted(network, *person, shift) for shift in LADDER]
        assert [sync.offset for sync in ladder] == list(LADDER), name
        assert [shifted(network, *person, -shift).offset for shift in (3, 8)] == [-3, -8], name
        confidence = [sync.confidence for sync in ladder]
        assert max(confidence) < 1.2 * min(confidence)  # of the best lag, whichever it is
        unshifted = [sync.confidence_unshifted for sync in ladder]
        assert unshifted[0] > unshifted[1] > unshifted[2] > unshifted[3], name
        assert unshifted[4] < 0.4 * unshifted[0], name  # syllables come again: not below that of 4 frames
        distance = [sync.distance_unshifted for sync in ladder]
        assert distance[0] < distance[1] < distance[2] < distance[3], name
        assert distance[4] > distance[1], name


def test_another_clips_sound_is_told(network, people):
    (_, *one), (_, *other) = people
    own = [lip_sync(network, *person) for person in (one, other)]
    exchanged = [lip_sync(network, *one[:2], other[2]), lip_sync(network, *other[:2], one[2])]
    assert max(sync.confidence for sync in exchanged) < 0.6 * min(sync.confidence for sync in own)
    assert min(sync.distance for sync in exchanged) > max(sync.distance for sync in own)


@pytest.mark.data
def test_shifts_of_real_recordings_are_found(network, data):
    clips = list(read(sorted(data.glob("video/grid_*.mp4"))))
    assert len(clips) > 3
    for name, *person in clips:
        for shift in (-6, 0, 4):
            assert abs(shifted(network, *person, shift).offset - shift) <= 1, (name, shift)
