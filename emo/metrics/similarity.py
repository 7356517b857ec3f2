"""How alike faces are to a network of face recognition: EMO's F-SIM, GoHD's CSIM."""

import numpy as np

from emo.errors import EmoError


def face_similarity(reference_embeddings: np.ndarray, frame_embeddings: np.ndarray) -> float:
    """Mean cosine of all frames (N, D) with all reference pictures (R, D): -1...1, 1 where all are the same.

    EMO reads it as a population reference (4.2): true videos of a person do not reach 1, and what is best is what is
    nearest to their value, so give the true frames' value beside it.

    Raises:
        EmoError: there is none of one kind, they differ in D, or one is zero or not finite.
    """
    reference, frames = (_units(one) for one in (reference_embeddings, frame_embeddings))
    if reference.shape[1] != frames.shape[1]:
        raise EmoError(
            f"embeddings have {reference.shape[1]} and {frames.shape[1]} numbers each: take both from the same network"
        )
    return float(reference.mean(0) @ frames.mean(0))


def _units(embeddings: np.ndarray) -> np.ndarray:
    """Each at length 1."""
    embeddings = np.asarray(embeddings, np.float64)
    if embeddings.ndim != 2 or embeddings.size == 0:
        raise EmoError(f"embeddings must be (N, D) with N > 0, not {embeddings.shape}")
    sizes = np.linalg.norm(embeddings, axis=1, keepdims=True)
    if not (np.isfinite(sizes) & (sizes > 0)).all():
        raise EmoError("embeddings must be finite and not zero")
    return embeddings / sizes
