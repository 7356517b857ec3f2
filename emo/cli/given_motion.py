"""What the commands' `--motion`, `--save-motion` and driving videos ask of a model, and of the other options."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from emo.errors import OptionError
from emo.options import Options
from emo.pipelines.motion_options import MotionOptions

if TYPE_CHECKING:
    from emo.hub import System


def require_motion(system: "System", what: str) -> None:
    """See that a system makes motion.

    Raises:
        OptionError: it does not.
    """
    from emo.pipelines.motion_pipeline import MotionPipeline

    if not issubclass(system.pipeline, MotionPipeline):
        raise OptionError(f"{what}: {system.title} makes pictures and no motion; choose a model of another system")


def refuse_generated(kind: type[Options], given: Collection[str], seed: int | None, where: str) -> None:
    """Refuse options of generated motion where none is generated.

    Args:
        kind: class of the model's options.
        given: names of those that the command gives.
        seed: that it gives.
        where: the case in which none is generated, and what to do about it, after "does nothing where".

    Raises:
        OptionError: one is given.
    """
    flags = [each.flag for each in kind.entries() if each.name in given and each.name not in MotionOptions.names()]
    flags += [] if seed is None else ["seed"]
    if flags:
        raise OptionError(f"--{flags[0]} does nothing where {where}", option=flags[0])
