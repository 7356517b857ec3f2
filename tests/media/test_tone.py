"""High dynamic range becomes ordinary light again, by formulas written down apart from the program's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wide_colors import WHITE, hlg, light_of, pq, srgb_of, wide

from emo.media.tone import BT2020, HLG, KNEE, P3_D65, PQ, TO_BT709, needs_mapping, to_srgb

TRANSFERS = {"pq": PQ, "hlg": HLG, "sdr": 14}
BELOW_KNEE = int(255 * float(srgb_of(np.array(KNEE))))


def sixteen(code: np.ndarray) -> np.ndarray:
    return np.round(code.clip(0, 1) * 65535).astype(np.uint16)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(TRANSFERS)), st.lists(st.tuples(*[st.integers(0, BELOW_KNEE - 1)] * 3), min_size=1))
def test_ordinary_colors_come_back(transfer, colors):
    picture = np.array([colors], np.uint8)
    got = to_srgb(sixteen(wide(picture, transfer)), TRANSFERS[transfer], BT2020)
    assert got.dtype == np.uint8
    # 12 bits of code are told apart: in the dark of linear light they are levels of sRGB
    assert np.abs(light_of(got) - light_of(picture)).max() < 0.012


@pytest.mark.parametrize(("transfer", "encode"), [(PQ, pq), (HLG, hlg)])
def test_what_is_brighter_than_white_is_rolled_off(transfer, encode):
    nits = np.linspace(0, 900, 300)[None, :, None] * np.ones(3)
    gray = to_srgb(sixteen(encode(nits)), transfer, 1)[0]
    assert (gray == gray[:, :1]).all()
    assert (np.diff(gray[:, 0].astype(int)) >= 0).all()
    light = light_of(gray[:, 0])
    below = nits[0, :, 0] < KNEE * WHITE
    assert np.abs(light[below] - nits[0, below, 0] / WHITE).max() < 0.012
    assert light[~below].max() > 0.97
    assert 0.88 < light[np.argmin(abs(nits[0, :, 0] - WHITE))] < 0.97  # white stays light, with room above it


def test_hues_stay_when_rolled_off():
    nits = np.array([[[800.0, 400, 200], [1600, 800, 400]]])
    light = light_of(to_srgb(sixteen(pq(nits)), PQ, 1))[0]
    assert np.abs(light[:, 1] / light[:, 0] - 0.5).max() < 0.03
    assert np.abs(light[:, 2] / light[:, 0] - 0.25).max() < 0.03


@pytest.mark.parametrize("primaries", sorted(TO_BT709))
def test_white_is_white_in_all_primaries(primaries):
    white = to_srgb(np.full((1, 1, 3), 65535, np.uint16), 13, primaries)
    assert np.abs(white.astype(int) - 255).max() <= 1
    half = to_srgb(np.full((1, 1, 3), 30000, np.uint16), 13, primaries)
    assert np.ptp(half) <= 1


def test_display_p3():
    """The matrix of CSS Color 4 from display-p3 to srgb."""
    got = to_srgb(sixteen(np.array([[[0.5, 0.4, 0.3]]])), 13, P3_D65)[0, 0] / 255
    r, g, b = light_of(np.array([0.5, 0.4, 0.3]) * 255)
    expected = srgb_of(
        np.array([1.2249 * r - 0.2249 * g, -0.0420 * r + 1.0420 * g, -0.0197 * r - 0.0786 * g + 1.0983 * b])
    )
    assert np.abs(got - expected).max() < 0.006


def test_only_what_looks_wrong_is_mapped():
    assert [needs_mapping(t, p) for t, p in ((PQ, 1), (HLG, 2), (1, BT2020), (1, 1), (2, 2), (6, 6), (13, 1))] == [
        *[True] * 3,
        *[False] * 4,
    ]
