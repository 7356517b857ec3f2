"""The EMO pipeline: networks, media and faces put together."""

from emo.pipelines.fingerprint import fingerprint
from emo.pipelines.origin import repeat_options
from emo.pipelines.output import ClipState, EMOClip, EMOPipelineOutput, EMOStream
from emo.pipelines.pipeline_emo import EMOPipeline
from emo.pipelines.resume import ResumePoint
from emo.pipelines.write import load_resume_point, write_video

__all__ = [
    "ClipState",
    "EMOClip",
    "EMOPipeline",
    "EMOPipelineOutput",
    "EMOStream",
    "ResumePoint",
    "fingerprint",
    "load_resume_point",
    "repeat_options",
    "write_video",
]
