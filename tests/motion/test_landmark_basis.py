"""The landmarks of named controls: linear, as the mesh moves a face, and read back from a head in any pose."""

import numpy as np
import pytest
import torch
from made_faces import turn

from emo.errors import EmoError
from emo.face.mean_face import mean_face
from emo.face.mesh import BROWS_68, EYES, INNER_LIPS_MIDDLE, JAW_68, LIPS_68, MOUTH_CORNERS, NUM_LANDMARKS, RIGID
from emo.motion.gohd.landmark_basis import NAMES, PIXELS, RANGES, LandmarkBasis, expressed, mean_basis, straightened

T = 40


def drawn(seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.uniform(*RANGES[name], T) for name in NAMES}


def table(controls: dict[str, np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack([controls[name] for name in NAMES], 1))


def one(name: str, value: float = 1.0) -> torch.Tensor:
    return torch.tensor([value * (name == each) for each in NAMES])


def test_the_mean_face_is_straight_and_the_same_on_both_sides():
    face = mean_face()
    assert face.shape == (NUM_LANDMARKS, 3)
    apart = face[list(RIGID)] - np.array(list(RIGID.values()))
    assert np.abs(apart).max() < 0.03
    np.testing.assert_allclose(face[JAW_68][::-1] * [-1, 1, 1], face[JAW_68], atol=1e-9)
    np.testing.assert_allclose(face[BROWS_68][::-1] * [-1, 1, 1], face[BROWS_68], atol=1e-9)
    assert face[LIPS_68[0]][0] < face[LIPS_68[3]][0] == 0 < face[LIPS_68[6]][0]
    for upper, lower in ((1, 11), (2, 10), (3, 9), (13, 19), (14, 18), (15, 17)):
        assert face[LIPS_68[upper]][1] < face[LIPS_68[lower]][1]
    np.testing.assert_allclose(straightened(face[None])[0], face, atol=0.01)


def test_it_moves_a_face_as_the_mesh_does():
    controls = drawn()
    error = mean_basis().landmarks(table(controls)).numpy() - expressed(mean_face(), controls)
    assert np.abs(error).max() * PIXELS < 0.01  # of 256
    moved = mean_basis().displacements(table(controls)).norm(dim=-1)
    assert moved.max() * PIXELS > 10


def test_every_control_does_what_it_is_called():
    basis = mean_basis()
    rest = basis.mean
    top, bottom = INNER_LIPS_MIDDLE

    def gap(landmarks: torch.Tensor) -> float:
        return float(landmarks[bottom, 1] - landmarks[top, 1])

    def spread(landmarks: torch.Tensor) -> float:
        return float(landmarks[MOUTH_CORNERS[1], 0] - landmarks[MOUTH_CORNERS[0], 0])

    assert gap(rest) == pytest.approx(0, abs=1e-3)
    assert gap(basis.landmarks(one("jaw"))) > 0.2
    assert spread(basis.landmarks(one("rounding"))) < spread(rest) < spread(basis.landmarks(one("width")))
    upper, lower = EYES[0].lids[0]
    shut = basis.landmarks(one("blink"))
    assert (shut[lower, 1] - shut[upper, 1]) < 0.1 * (rest[lower, 1] - rest[upper, 1])
    assert (basis.landmarks(one("brow"))[BROWS_68, 1] < rest[BROWS_68, 1] - 0.03).all()
    assert basis.landmarks(one("smile"))[MOUTH_CORNERS[0], 1] < rest[MOUTH_CORNERS[0], 1] - 0.03


def test_controls_are_read_from_a_head_that_turns_moves_and_nears():
    basis, controls = mean_basis(), table(drawn())
    rng = np.random.default_rng(2)
    head = basis.landmarks(controls).numpy()
    turned = np.stack([turn(*rng.uniform(-20, 20, 3)) for _ in range(T)])
    seen = rng.uniform(40, 120, (T, 1, 1)) * head @ turned.transpose(0, 2, 1) + rng.uniform(0, 200, (T, 1, 3))
    found = basis.read(seen, basis.mean.numpy())
    assert (found - controls).abs().max() < 0.03


def test_another_face_rests_at_its_own_points():
    basis, controls = mean_basis(), table(drawn())
    other = mean_face() * [1.1, 0.95, 1.0] + np.random.default_rng(0).normal(0, 0.01, (NUM_LANDMARKS, 3))
    own = LandmarkBasis.of_face(other)
    seen = own.landmarks(controls).numpy()
    found = basis.read(seen, own.mean.numpy())
    assert np.corrcoef(found[:, 0], controls[:, 0])[0, 1] > 0.99
    relative = basis.read(seen)
    assert (relative - found).std(0).max() < 1e-4  # the same motion, from where the face stands in the median
    assert (relative - found).abs().max() > 0.1


def test_gradients_reach_the_controls():
    controls = torch.zeros(2, 3, len(NAMES), requires_grad=True)
    landmarks = mean_basis().landmarks(controls)
    assert landmarks.shape == (2, 3, NUM_LANDMARKS, 3)
    landmarks.sum().backward()
    assert controls.grad is not None
    assert (controls.grad[..., NAMES.index("jaw")] != 0).all()


def test_it_is_fitted_to_faces_that_tell_what_each_control_does():
    controls = table(drawn())
    seen = torch.from_numpy(expressed(mean_face(), drawn())) + 0.001 * torch.randn(
        T, NUM_LANDMARKS, 3, generator=torch.Generator().manual_seed(0)
    )
    fitted = LandmarkBasis.fit(NAMES, controls, seen)
    assert (fitted.directions - mean_basis().directions).abs().max() < 0.01
    with pytest.raises(EmoError, match="6 faces do not tell"):
        LandmarkBasis.fit(NAMES, controls[:6], seen[:6])
