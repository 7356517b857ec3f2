"""`emo motion extract`."""

import numpy as np
import pytest
from made_clips import made_clip, made_dataset
from made_faces import made_face

from emo.data.format import label_names, write_metadata
from emo.motion import CONTROLS


def test_a_dataset_gets_its_motion_and_faceless_clips_are_named(command, tmp_path):
    points = np.stack([made_face()] * 3).astype(np.float32)
    made_clip(tmp_path, 0, 3, landmarks=points)
    made_clip(tmp_path, 1, 3)
    write_metadata(tmp_path)
    status, out, err = command("motion", "extract", tmp_path, "--workers", 1)
    assert status == 0
    assert "motion of 1 clips, 0 of them from before" in out
    assert "without motion" in err
    assert "000001.mp4" in err
    assert label_names(tmp_path / "train/000000.safetensors") >= set(CONTROLS.names)
    status, out, _ = command("motion", "extract", tmp_path, "--workers", 1)
    assert status == 0
    assert "motion of 1 clips, 1 of them from before" in out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "does not exist; give a folder"),
        (["empty"], "holds no metadata.jsonl; give a folder made by emo prepare"),
        (["file"], "is no folder"),
        (["faceless"], "no clip shows a face"),
        (["faceless", "--workers", "0"], "--workers 0: must be at least 1"),
    ],
)
def test_what_is_wrong_is_one_line(command, tmp_path, arguments, line):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    made_dataset(tmp_path / "faceless", {"frames": 3})
    status, out, err = command("motion", "extract", tmp_path / arguments[0], *arguments[1:])
    assert (status, out) == (2, "")
    assert line in err.strip().splitlines()[-1]
    assert "Traceback" not in err
