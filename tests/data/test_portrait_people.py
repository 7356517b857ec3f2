"""Who is who in portraits: a table's word, else looks."""

from pathlib import Path

import numpy as np
import pytest

from emo.data.synthetic.people import people_by_looks, read_people
from emo.errors import OptionError


@pytest.fixture
def table(tmp_path):
    """`table(text, folder)`: a table there, and the people whom it sees in three pictures."""
    pictures = [str(tmp_path / "faces" / name) for name in ("a1.png", "a2.png", "bob/x.png")]

    def read(text: str, folder: str = "faces") -> tuple[str, ...]:
        path = tmp_path / folder / "people.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return read_people(path, pictures)

    return read


def test_a_table_says_who_is_who(table):
    assert table("file,person\na1.png,Ann\na2.png,Ann\nbob/x.png,Bob\n") == ("Ann", "Ann", "Bob")
    assert table("person,file,note\nAnn,a1.png,\nAnn,a2.png,\nBob,bob,a folder\n") == ("Ann", "Ann", "Bob")


def test_a_table_elsewhere_knows_the_ends_of_paths(table):
    assert table("file,person\na1.png,Ann\nfaces/a2.png,Eve\nbob/x.png,Bob\n", "tables") == ("Ann", "Eve", "Bob")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("file,person\na1.png,Ann\n", "does not say who is in .*a2.png"),
        ("file,person\na1.png,Ann\na2.png,\nbob,Bob\n", "a2.png"),
        ("picture,name\na1.png,Ann\n", "columns file and person"),
        ("", "columns"),
    ],
)
def test_tables_that_do_not_say_it(table, text, word):
    with pytest.raises(OptionError, match=word):
        table(text)


def test_a_table_must_be_there():
    with pytest.raises(OptionError, match=r"none\.csv cannot be read"):
        read_people(Path("none.csv"), ["a.png"])


def test_looks_join_pictures_of_one_person():
    """Four people at right angles; two of them have two pictures, one of these far apart."""
    people = np.eye(6)[:4]
    near, far = people[0] + 0.3 * np.eye(6)[4], people[1] + 1.0 * np.eye(6)[5]
    descriptors = np.stack([people[0], people[1], near, far, people[2], people[3]])
    descriptors /= np.linalg.norm(descriptors, axis=1, keepdims=True)
    names = people_by_looks([f"folder/{name}.png" for name in "abcdef"], descriptors)
    assert names == ("a-0", "b-1", "a-0", "d-3", "e-4", "f-5")


@pytest.mark.data
@pytest.mark.slow
def test_looks_never_part_the_pictures_of_a_real_person(data):
    from emo.data.synthetic.portrait import crop_portrait
    from emo.media import load_image
    from emo.metrics import identity_descriptor

    pictures = [str(path) for path in sorted((data / "faces").glob("*/*.jpg"))]
    looks = [identity_descriptor(*crop_portrait(np.asarray(load_image(path)))) for path in pictures]
    seen = dict(zip(pictures, people_by_looks(pictures, np.stack(looks)), strict=True))
    pairs = [path for path in pictures if path.endswith("_neutral.jpg")]
    assert len(pairs) == 81
    assert all(seen[path] == seen[path.replace("neutral", "smiling")] for path in pairs)
    assert len(set(seen.values())) >= 100
