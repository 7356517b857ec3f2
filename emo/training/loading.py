"""Parts of models that a stage takes as they are."""

from typing import Any

from emo.errors import WeightsError, first_line


def load_part(kind: Any, folder: str, what: str | None = None, **options: Any) -> Any:
    """An object from a folder or the Hub.

    Args:
        kind: its class, of diffusers' or transformers' kind.
        folder: its folder or Hub name.
        what: it is, in errors; by default the name of its class.
        options: of `from_pretrained`.

    Raises:
        WeightsError: it cannot be loaded.
    """
    try:
        return kind.from_pretrained(folder, **options)
    except (OSError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{folder}: no {what or kind.__name__} could be loaded ({first_line(error)})") from error
