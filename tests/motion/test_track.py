"""Motion as a value."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import pytest
import torch
from safetensors.torch import save_file

from emo.errors import MotionError, OptionError
from emo.motion import CONTROLS, FaceControls, MotionTrack


def ramp(frames: int = 20, fps: float = 25) -> MotionTrack:
    """Every column rises by 1 a frame, from its number on."""
    return MotionTrack(torch.arange(frames)[:, None] + torch.arange(len(CONTROLS)), fps)


def test_nothing_changes_a_track():
    values = torch.zeros(3, len(CONTROLS))
    track = MotionTrack(values, 25)
    values += 1
    track["pose"][:] = 7
    track.set(yaw=3)
    assert track.values.abs().max() == 0
    with pytest.raises(FrozenInstanceError):
        track.values = values


@pytest.mark.parametrize(
    "wrong", [torch.zeros(0, 14), torch.zeros(3, 13), torch.zeros(14), torch.full((2, 14), torch.nan)]
)
def test_only_motion_is_taken(wrong):
    with pytest.raises(MotionError):
        MotionTrack(wrong, 25)


def test_cutting_and_joining():
    track = ramp()
    assert track[5:9]["yaw"].tolist() == [5, 6, 7, 8]
    assert track.between(0.2, 0.4)["yaw"].tolist() == [5, 6, 7, 8, 9]  # middles from 0.22 to 0.38
    assert track.between(0.7)["yaw"].tolist() == [17, 18, 19]
    assert track[:5] + track[5:] == track
    with pytest.raises(MotionError, match="T > 0"):
        track.between(3)
    with pytest.raises(MotionError, match="resample"):
        track + ramp(fps=30)
    with pytest.raises(MotionError, match="spaces"):
        track + MotionTrack(track.values, 25, CONTROLS.measured(track.values))


def test_parts_of_another():
    still = MotionTrack.rest(20, 25)
    mixed = ramp().with_parts(still, "pose", "blink")
    assert torch.equal(mixed["pose"], still["pose"])
    assert mixed["blink"].abs().max() == 0
    assert torch.equal(mixed["mouth"], ramp()["mouth"])
    with pytest.raises(MotionError, match="20"):
        ramp(19).with_parts(still, "pose")
    with pytest.raises(OptionError, match="poses"):
        ramp().with_parts(still, "poses")


def test_edits_by_name():
    track = ramp(4)
    edited = track.set(yaw=2, jaw=[0, 1, 2, 3], gaze=(0.5, -0.5))
    assert edited["yaw"].tolist() == [2, 2, 2, 2]
    assert edited["jaw"].tolist() == [0, 1, 2, 3]
    assert edited["gaze"].tolist() == [[0.5, -0.5]] * 4
    assert torch.equal(edited["roll"], track["roll"])
    assert torch.equal(track.offset(pitch=-1)["pitch"], track["pitch"] - 1)
    halved = track.scale("pose", 0.5)
    assert torch.equal(halved["yaw"], track["yaw"] / 2)
    assert torch.equal(halved["scale"], 1 + (track["scale"] - 1) / 2)  # its rest is 1
    for wrong in ({"jaw": [1, 2]}, {"pose": (1, 2)}, {"chin": 1}):
        with pytest.raises(OptionError):
            track.set(**wrong)


def test_another_rate_keeps_times():
    track = ramp(20)
    fast = track.resample("50")
    assert (len(fast), fast.fps, fast.seconds) == (40, Fraction(50), track.seconds)
    assert fast["yaw"][10] == pytest.approx(4.75)  # at 0.21 s, between frames at 0.18 and 0.22
    assert fast["yaw"][0] == 0
    assert len(track.resample(30)) == 24
    assert track.resample(25) == track
    assert len(ramp(1).resample(0.5)) == 1


def test_kept_and_read_again(tmp_path):
    track = MotionTrack(ramp().values, "30000/1001", CONTROLS.measured(ramp().values))
    track.save(tmp_path / "a.safetensors")
    assert MotionTrack.load(tmp_path / "a.safetensors") == track


def test_what_is_no_motion_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(MotionError, match="does not exist"):
        MotionTrack.load(path)
    path.write_bytes(b"motion" * 20)
    with pytest.raises(MotionError, match="no safetensors file"):
        MotionTrack.load(path)
    ramp().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(MotionError, match="damaged"):
        MotionTrack.load(path)
    save_file({"values": torch.zeros(3, 14)}, path)
    with pytest.raises(MotionError, match="it is no motion"):
        MotionTrack.load(path)
    about = {"format": "emo.motion", "version": "1", "fps": "25", "space": "[]"}
    for wrong in ({"fps": "0"}, {"space": "{"}, {"space": "[]"}, {"version": "9"}):
        save_file({"values": torch.zeros(3, 14)}, path, about | wrong)
        with pytest.raises(MotionError, match=r"a\.safetensors") as caught:
            MotionTrack.load(path)
        assert "\n" not in str(caught.value)


def test_controls_and_back():
    track = ramp().scale("pose", 0.1)
    controls = FaceControls.from_track(track)
    assert torch.equal(controls.jaw, track["jaw"])
    assert controls.rotation_speed[1] > 0.1
    assert controls.track(25) == track
