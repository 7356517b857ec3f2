"""What voices say: words that hold all sounds of their language, lips that meet often among them."""

from pathlib import Path

GRID = tuple(
    words.split()
    for words in (
        "bin lay place set",
        "blue green red white",
        "at by in with",
        "a b c d e f g h i j k l m n o p q r s t u v x y z",
        "zero one two three four five six seven eight nine",
        "again now please soon",
    )
)


def languages() -> dict[str, list[str]]:
    """Words by language, named as espeak-ng names them."""
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return {language: words.split() for language, words in (line.split(": ") for line in lines)}
