"""Classes of components: this package's own networks, and those of diffusers and transformers.

An index names a component's class by library and name. Networks of this package stand under the library name `emo`,
wherever they are defined; diffusers looks that name up among its pipeline modules.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import diffusers.pipelines
import torch
import transformers

from emo.store.index import ComponentName, components_of, read_index

LIBRARY = "emo"

_own = SimpleNamespace()  # this package's, as attributes
_LIBRARIES = {LIBRARY: _own, "diffusers": diffusers, "transformers": transformers}
setattr(diffusers.pipelines, LIBRARY, _own)


def register_components(*classes: type[torch.nn.Module]) -> None:
    """Make networks of this package known by their names, so that folders with them can be saved and loaded.

    Raises:
        TypeError: another class has the name.
    """
    for component in classes:
        if getattr(_own, component.__name__, component) is not component:
            raise TypeError(f"there is another component called {component.__name__}; choose another name")
        setattr(_own, component.__name__, component)


def is_own(name: ComponentName) -> bool:
    """Whether a class, by the module that defines it, is one of this package's."""
    known = getattr(_own, name.class_name, None)
    return known is not None and known.__module__ == name.library


def component_class(name: ComponentName) -> type | None:
    """The class of a component, or None where it is not known here."""
    return getattr(_LIBRARIES.get(name.library), name.class_name, None)


def network_classes(folder: Path) -> dict[str, type[torch.nn.Module]]:
    """The networks of a checked pipeline folder, by component name."""
    classes = {name: component_class(value) for name, value in components_of(read_index(folder)).items()}
    return {
        name: kind
        for name, kind in sorted(classes.items())
        if isinstance(kind, type) and issubclass(kind, torch.nn.Module)
    }


def build_empty(folder: Path, network: Any) -> torch.nn.Module:
    """A component as its config describes it, without memory for its tensors.

    Args:
        folder: of the component.
        network: its class, of diffusers' or transformers' kind.
    """
    with torch.device("meta"):
        if issubclass(network, transformers.PreTrainedModel):
            config_class: Any = network.config_class
            return network(config_class.from_pretrained(folder))
        return network.from_config(network.load_config(folder))


def parameter_counts(folder: Path) -> dict[str, int]:
    """Numbers of parameters of a checked pipeline folder's networks, by component name."""
    return {
        name: sum(parameter.numel() for parameter in build_empty(folder / name, network).parameters())
        for name, network in network_classes(folder).items()
    }
