"""The measures on pixels: rendered people whose motion is known, and real recordings."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emo.data.synthetic.avatar import AvatarRenderer
from emo.data.synthetic.identity import draw_identities
from emo.face import FaceDetector, track_face
from emo.media import AudioTrack, VideoReader
from emo.metrics import (
    blink,
    gaze,
    head_angles,
    identity_descriptor,
    identity_distance,
    measure_frames,
    mouth_opening,
    mouth_sound_correlation,
    rotation_speed,
)
from emo.motion.controls import FaceControls

FRAMES = 20


@pytest.mark.slow
def test_rendered_people_are_measured_as_commanded():
    time = np.arange(FRAMES) / FRAMES
    commands = {
        "jaw": 0.5 - 0.5 * np.cos(6 * np.pi * time), "blink": (np.abs(time - 0.5) < 0.06) * 1.0,
        "gaze_x": 0.8 * np.sin(2 * np.pi * time), "yaw": 24 * time - 12, "roll": 6 * np.sin(np.pi * time),
    }  # fmt: skip
    motion = replace(
        FaceControls.rest(FRAMES), **{name: torch.tensor(v, dtype=torch.float32) for name, v in commands.items()}
    )
    renderer, descriptors = AvatarRenderer(128, batch=4), []
    r = lambda name, values: np.corrcoef(commands[name], values)[0, 1]
    with FaceDetector() as detector:
        for seed in (4002, 4004):
            person = draw_identities([seed])
            frames = renderer.render(person, motion).numpy()
            track = track_face(frames, detector)
            assert track.found.all()
            opening, angles = mouth_opening(track.landmarks), head_angles(track.landmarks)
            assert np.corrcoef(renderer.labels(person, motion).mouth_open, opening)[0, 1] > 0.95
            assert np.abs(angles.yaw - commands["yaw"]).mean() < 2
            assert r("roll", angles.roll) > 0.95
            assert r("blink", blink(track.landmarks)) > 0.8
            assert r("gaze_x", gaze(track.landmarks)[0]) > 0.8
            assert 0.8 < rotation_speed(track.landmarks).mean() < 1.7  # commanded: 1.3
            assert len(measure_frames(frames)) == FRAMES
            descriptors.append([identity_descriptor(frames[i], track.landmarks[i]) for i in (4, 9, 15)])
    own = max(identity_distance(one[1], other) for one in descriptors for other in one)
    others = min(identity_distance(one, other) for one in descriptors[0] for other in descriptors[1])
    assert own < others


@pytest.mark.data
def test_real_mouths_go_with_their_voices(data):
    paths = sorted(data.glob("video/grid_*.mp4"))
    correlations, speeds, gallery, queries = [], [], [], []
    with FaceDetector() as detector:
        for path in paths:
            with VideoReader(path) as video:
                frames = video.read(range(video.num_frames))
                track, sound = track_face(frames, detector, name=path.name), AudioTrack.open(path)
                assert track.found.all()
                opening = mouth_opening(track.landmarks)
                sync = mouth_sound_correlation(opening, sound.read(0, sound.length), video.fps)
            assert max(sync.correlations[np.abs(sync.lags) <= 2]) > 0.25
            correlations.append(sync.correlation)
            speeds.append(rotation_speed(track.landmarks).mean())
            gallery.append(identity_descriptor(frames[0], track.landmarks[0]))
            queries.append(identity_descriptor(frames[-1], track.landmarks[-1]))
    assert len(paths) > 3
    assert np.mean(correlations) > 0.4
    assert max(speeds) < 0.3  # speakers who were asked to sit still
    distance = np.array([[identity_distance(q, g) for g in gallery] for q in queries])
    assert distance.diagonal().max() < 0.1 < distance[~np.eye(len(paths), dtype=bool)].min()
