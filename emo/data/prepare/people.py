"""Who is who: videos that show the same person, and which people are kept for the test split."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from emo.data.format import ClipInfo
from emo.data.prepare.config import PrepareConfig
from emo.data.prepare.segment import Segment, SegmentResult

MAX_FACES = 4  # descriptors of a video that are compared
BLOCK_ROWS = 2048  # descriptors compared at a time


def assign_people(
    segments: Sequence[Segment], results: Mapping[str, SegmentResult], config: PrepareConfig
) -> list[ClipInfo]:
    """The rows of all clips, with person and split."""
    faces: dict[str, list[np.ndarray]] = {}
    for segment in segments:
        if segment.name in results and results[segment.name].clips:
            faces.setdefault(segment.key, []).extend(results[segment.name].faces)
    person = group_videos(faces, config.same_person)
    tested = choose_test_people(set(person.values()), config.test_share)
    return [
        replace(info, person=person[segment.key], split="test" if person[segment.key] in tested else "train")
        for segment in segments
        if segment.name in results
        for info in results[segment.name].clips
    ]


def group_videos(faces: Mapping[str, Sequence[np.ndarray]], same: float) -> dict[str, str]:
    """The person in each video: a video is a person of its own, unless its face is found in another one.

    Two videos show the same person where any two of their identity descriptors are nearer than `same`; that carries
    on from video to video. A person is called after the least key of all their videos. Nothing depends on the order.

    Args:
        faces: by the key of a video, unit vectors (D,), one for every clip.
        same: distance, 0 for none.

    Returns:
        The person's name by the key of each video.
    """
    keys = sorted(faces)
    root = {key: key for key in keys}

    def find(key: str) -> str:
        while root[key] != key:
            root[key] = key = root[root[key]]
        return key

    chosen = [(key, face) for key in keys for face in _spread(faces[key])]
    if same > 0 and chosen:
        owner, vectors = [key for key, _ in chosen], np.stack([face for _, face in chosen])
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        for start in range(0, len(vectors), BLOCK_ROWS):
            near = 1 - vectors[start : start + BLOCK_ROWS] @ vectors.T < same
            for one, other in np.argwhere(np.triu(near, start + 1)):
                a, b = sorted((find(owner[start + one]), find(owner[other])))
                root[b] = a
    return {key: f"person-{find(key)[:12]}" for key in keys}


def choose_test_people(people: set[str], share: float) -> set[str]:
    """Which people are tested on: `share` of them, rounded, drawn by their names alone."""
    drawn = sorted(people, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return set(drawn[: int(len(drawn) * share + 0.5)])


def _spread(faces: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Up to MAX_FACES of a video's descriptors, spread over it."""
    count = min(MAX_FACES, len(faces))
    return [faces[k * len(faces) // count] for k in range(count)]
