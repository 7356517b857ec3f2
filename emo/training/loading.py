"""Parts of models that a stage takes as they are."""

from typing import Any

from emo.errors import WeightsError, first_line


def load_part(kind: Any, folder: str, **options: bool) -> Any:
    """An object from a folder or the Hub.

    Args:
        kind: its class, of diffusers' or transformers' kind.
        folder: its folder or Hub name.
        options: of `from_pretrained`.

    Raises:
        WeightsError: it cannot be loaded.
    """
    try:
        return kind.from_pretrained(folder, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{folder}: no {kind.__name__} could be loaded ({first_line(error)})") from error
