"""The pipelines: networks, media and faces put together."""

from emo.pipelines.pipeline_emo import EMOPipeline

__all__ = ["EMOPipeline"]
