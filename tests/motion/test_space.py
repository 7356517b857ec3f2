"""What the numbers of a motion mean."""

import json

import pytest
import torch

from emo.errors import OptionError
from emo.motion import CONTROLS, Column, MotionSpace


def test_parts_and_columns_are_found_by_name():
    assert CONTROLS.index("gaze") == [CONTROLS.names.index("gaze_x"), CONTROLS.names.index("gaze_y")]
    assert CONTROLS.index("jaw", "pose") == [0, 1, 2, 3, 4, 5, 6]
    assert sorted(CONTROLS.index("pose", "mouth", "eyes", "brows", "expression")) == list(range(len(CONTROLS)))
    with pytest.raises(OptionError, match=r"no .jawe.*jaw"):
        CONTROLS.index("jawe")


def test_normalized_values_have_mean_0_and_deviation_1():
    values = torch.randn(500, len(CONTROLS)) * 3 + torch.arange(len(CONTROLS))
    space = CONTROLS.measured(values)
    normal = space.normalize(values)
    assert normal.mean(0).abs().max() < 1e-3
    assert normal.std(0).sub(1).abs().max() < 1e-3
    torch.testing.assert_close(space.denormalize(normal), values)
    assert space != CONTROLS
    assert space.rest.tolist() == CONTROLS.rest.tolist()


def test_a_column_that_never_moves_can_be_normalized():
    space = CONTROLS.measured(CONTROLS.rest.expand(10, -1))
    assert space.normalize(CONTROLS.rest).isfinite().all()


def test_configs_keep_it():
    space = CONTROLS.measured(torch.randn(9, len(CONTROLS)))
    again = MotionSpace.from_dict(json.loads(json.dumps(space.to_dict())))
    assert again == space
    assert again != CONTROLS


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"columns": [], "parts": 3},
        {"columns": [{"name": "a"}], "parts": {}},
        {"columns": [{"name": "a", "unit": "m", "mean": "x"}], "parts": {}},
        {"columns": [{"name": "a", "unit": "m", "deviation": 0}], "parts": {}},
        {"columns": [{"name": "a", "unit": "m"}], "parts": {"p": ["b"]}},
    ],
)
def test_what_is_no_space_is_refused(wrong):
    with pytest.raises(OptionError, match="motion space"):
        MotionSpace.from_dict(wrong)


def test_names_tell_columns_apart():
    twice = (Column("a", "m"), Column("a", "m"))
    with pytest.raises(OptionError):
        MotionSpace(twice, {})
    with pytest.raises(OptionError):
        MotionSpace(twice[:1], {"a": ("a",)})
