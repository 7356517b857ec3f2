"""Families of models by the class of pipeline; each is imported when it is first asked for."""

from collections.abc import Callable

from emo.errors import OptionError
from emo.evaluation.mechanisms.family import Family
from emo.hub import System


def _emo() -> Family:
    from emo.evaluation.mechanisms.emo.table import FAMILY

    return FAMILY


def _vasa() -> Family:
    from emo.evaluation.mechanisms.vasa.table import FAMILY

    return FAMILY


def _gohd() -> Family:
    from emo.evaluation.mechanisms.gohd.table import FAMILY

    return FAMILY


def _gaia() -> Family:
    from emo.evaluation.mechanisms.gaia.table import FAMILY

    return FAMILY


FAMILIES: dict[str, Callable[[], Family]] = {
    "EMOPipeline": _emo,
    "VASAPipeline": _vasa,
    "GoHDPipeline": _gohd,
    "GAIAPipeline": _gaia,
}
"""By the name of the class."""


def family_of(system: System) -> Family:
    """What is measured of a system's models.

    Raises:
        OptionError: nothing is known to be measured of its class.
    """
    load = FAMILIES.get(system.pipeline.__name__)
    if load is None:
        raise OptionError(
            f"of {system.title} no mechanisms are measured; they are of {', '.join(FAMILIES)}",
            option="model",
        )
    return load()
