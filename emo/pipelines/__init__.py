"""The EMO pipeline: networks, media and faces put together."""

from emo.pipelines.output import ClipState, EMOClip, EMOPipelineOutput, EMOStream
from emo.pipelines.pipeline_emo import EMOPipeline
from emo.pipelines.resume import ResumePoint, fingerprint

__all__ = ["ClipState", "EMOClip", "EMOPipeline", "EMOPipelineOutput", "EMOStream", "ResumePoint", "fingerprint"]
