"""Where the files that come with the package lie: beside it in a checkout, inside it when installed from a wheel."""

from pathlib import Path

DEFAULT_MODEL = "vasa-mesh"
"""The bundled model that does best on portraits of real people; see docs/models.md."""

EMO_MODEL = "emo-tiny"
"""The bundled one of EMO's."""


def bundled(name: str) -> Path:
    """Path of `configs/model`, `weights`, or what lies below; it need not exist."""
    package = Path(__file__).parent
    inside = package / "_bundled"
    return (inside if inside.is_dir() else package.parent) / name
