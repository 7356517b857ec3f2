"""What a system is to the commands; `emo.hub.registry` finds the one of a model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emo.options import Options
from emo.store import SavedFormat


@dataclass(frozen=True)
class System:
    """A way from a portrait and a recording to a video: what commands need of it.

    What its model card says is `describe` of its pipeline.

    Attributes:
        name: in one word; names of its configurations start with it.
        title: as people know it.
        pipeline: class of its pipelines.
        options: class of what a generation may be asked for.
        load_config: name or path of a configuration -> the checked configuration of a model.
        build: configuration, seed -> a pipeline with random weights.
        import_weights: configuration, and by keyword the sources and a seed -> a pipeline with public weights; None
            where there are none to start from.
        start_from: name of another's published networks, configuration, and by keyword what `emo.hub.peers.start_from`
            takes -> what was made and what of; None where there are none.
    """

    name: str
    title: str
    pipeline: type[SavedFormat]
    options: type[Options]
    load_config: Callable[[str], Any]
    build: Callable[[Any, int], SavedFormat]
    import_weights: Callable[..., SavedFormat] | None = None
    start_from: Callable[..., Any] | None = None
