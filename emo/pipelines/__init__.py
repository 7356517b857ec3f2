"""The pipelines: networks, media and faces put together; and their options, which need none of these."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emo.options import Options
    from emo.pipelines.emo_call import EMOPipelineOutput
    from emo.pipelines.emo_options import EMOOptions
    from emo.pipelines.gaia_options import GAIAOptions
    from emo.pipelines.gohd_options import GoHDOptions
    from emo.pipelines.motion_options import VASAOptions
    from emo.pipelines.motion_pipeline import MotionPipelineOutput
    from emo.pipelines.pipeline_emo import EMOPipeline
    from emo.pipelines.pipeline_gaia import GAIAPipeline
    from emo.pipelines.pipeline_gohd import GoHDPipeline
    from emo.pipelines.pipeline_vasa import VASAPipeline

_EXPORTS = {
    "EMOOptions": "emo.pipelines.emo_options",
    "EMOPipeline": "emo.pipelines.pipeline_emo",
    "EMOPipelineOutput": "emo.pipelines.emo_call",
    "GAIAOptions": "emo.pipelines.gaia_options",
    "GAIAPipeline": "emo.pipelines.pipeline_gaia",
    "GoHDOptions": "emo.pipelines.gohd_options",
    "GoHDPipeline": "emo.pipelines.pipeline_gohd",
    "MotionPipelineOutput": "emo.pipelines.motion_pipeline",
    "VASAOptions": "emo.pipelines.motion_options",
    "VASAPipeline": "emo.pipelines.pipeline_vasa",
}

__all__ = [
    "EMOOptions",
    "EMOPipeline",
    "EMOPipelineOutput",
    "GAIAOptions",
    "GAIAPipeline",
    "GoHDOptions",
    "GoHDPipeline",
    "MotionPipelineOutput",
    "VASAOptions",
    "VASAPipeline",
]


def all_options() -> "dict[str, type[Options]]":
    """The options' class of every pipeline, by the name of the pipeline's class. A command line needs no more."""
    from emo.pipelines.emo_options import EMOOptions
    from emo.pipelines.gaia_options import GAIAOptions
    from emo.pipelines.gohd_options import GoHDOptions
    from emo.pipelines.motion_options import VASAOptions

    return {
        "EMOPipeline": EMOOptions,
        "VASAPipeline": VASAOptions,
        "GAIAPipeline": GAIAOptions,
        "GoHDPipeline": GoHDOptions,
    }


def __getattr__(name: str):
    """Import a public name when it is first asked for: a command line reads the options without any network."""
    if name not in _EXPORTS:
        raise AttributeError(f"module 'emo.pipelines' has no attribute {name!r}")
    return getattr(importlib.import_module(_EXPORTS[name]), name)
