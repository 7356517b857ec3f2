"""Who is who in portraits: as a table says, or by their looks. A person must stay on one side of the split."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emo.errors import OptionError

TABLE = "people.csv"
COLUMNS = ["file", "person"]
ALIKE = 0.16  # distance of two identity descriptors up to which the nearest pictures show one person


def read_people(table: Path, portraits: Sequence[str]) -> tuple[str, ...]:
    """Who is in each portrait, as a table says.

    Args:
        table: CSV with the columns `file` and `person`. Files are named from the table's folder on or, where that is
            elsewhere, from any of the folders above them on; a folder stands for all that is in it.
        portraits: paths of the pictures.

    Raises:
        OptionError: the table cannot be read, or it does not know one of the portraits.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), {*(reader.fieldnames or [])}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"{table} cannot be read ({error})") from error
    if not {*COLUMNS} <= columns:
        raise OptionError(f"{table}: its first line must name the columns {' and '.join(COLUMNS)}")
    known = {tuple(Path(row["file"]).parts): row["person"] for row in rows if row["file"] and row["person"]}
    people = []
    for portrait in portraits:
        person = _find(known, table.parent, Path(portrait))
        if person is None:
            raise OptionError(f"{table} does not say who is in {portrait}")
        people.append(person)
    return tuple(people)


def _find(known: dict[tuple[str, ...], str], folder: Path, portrait: Path) -> str | None:
    """The person whose row names the portrait most exactly."""
    path, folder = portrait.resolve(), folder.resolve()
    beside = path.is_relative_to(folder)
    parts = path.relative_to(folder).parts if beside else path.parts
    for end in range(len(parts), 0, -1):
        for start in range(1 if beside else end):
            if (person := known.get(parts[start:end])) is not None:
                return person
    return None


def people_by_looks(portraits: Sequence[str], descriptors: np.ndarray) -> tuple[str, ...]:
    """Who is in each portrait, told by identity descriptors: whoever is each other's nearest neighbor in likeness.

    A picture shows the person of the picture nearest to it, where the two are nearer than ALIKE; that carries on. So
    two alike people may be taken for one, which costs a split nothing; one person for two, which would, hardly ever:
    docs/data.md has both counted.

    Args:
        portraits: paths of the pictures.
        descriptors: (N, D), of length 1.

    Returns:
        Names made of each person's first picture and its number.
    """
    count = len(portraits)
    distance = 1 - descriptors @ descriptors.T
    np.fill_diagonal(distance, np.inf)
    root = list(range(count))

    def find(number: int) -> int:
        while root[number] != number:
            number = root[number]
        return number

    for number in range(count):
        nearest = int(distance[number].argmin())
        if distance[number, nearest] < ALIKE:
            low, high = sorted((find(number), find(nearest)))
            root[high] = low
    return tuple(f"{Path(portraits[find(number)]).stem}-{find(number)}" for number in range(count))
