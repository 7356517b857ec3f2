"""EMO: one portrait and one recording become a talking or singing video."""

import importlib
import os
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Libraries that tell their makers of their use, asked not to before any of them is imported. Whoever sets one of these
# decides for themselves.
_SILENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
}
for _name, _value in _SILENT.items():
    os.environ.setdefault(_name, _value)

_EXPORTS = {
    "EMOPipeline": "emo.pipelines",
    "EMOPipelineOutput": "emo.pipelines",
    "VASAPipeline": "emo.pipelines",
    "GAIAPipeline": "emo.pipelines",
    "GoHDPipeline": "emo.pipelines",
    "BackboneUNet": "emo.unets",
    "ReferenceNet": "emo.unets",
    "FaceLocator": "emo.unets",
    "SpeedEncoder": "emo.unets",
    "AudioProjection": "emo.unets",
    "PatchAutoencoder": "emo.unets",
    "HolisticMotionTransformer": "emo.motion.vasa",
    "VolumeAnimator": "emo.motion.vasa",
    "MotionAppearanceVAE": "emo.motion.gaia",
    "MotionConformer": "emo.motion.gaia",
    "PosePredictor": "emo.motion.gaia",
    "SpeechEncoder": "emo.motion.gaia",
    "PoseDenoiser": "emo.motion.gohd",
    "LipMapper": "emo.motion.gohd",
    "EyeMotionGenerator": "emo.motion.gohd",
    "MeshAnimator": "emo.motion",
    "MotionTrack": "emo.motion",
    "generate_people": "emo.generation",
    "stream_people": "emo.generation",
    "EmoError": "emo.errors",
    "pull_folder": "emo.hub",
    "push_folder": "emo.hub",
    "read_origin": "emo.media",
}

__all__ = ["__version__", *_EXPORTS]  # pyright: ignore[reportUnsupportedDunderAll]


if TYPE_CHECKING:  # the same names, for editors and type checkers
    from emo.errors import EmoError as EmoError
    from emo.generation import generate_people as generate_people
    from emo.generation import stream_people as stream_people
    from emo.hub import pull_folder as pull_folder
    from emo.hub import push_folder as push_folder
    from emo.media import read_origin as read_origin
    from emo.motion import MeshAnimator as MeshAnimator
    from emo.motion import MotionTrack as MotionTrack
    from emo.motion.gaia import MotionAppearanceVAE as MotionAppearanceVAE
    from emo.motion.gaia import MotionConformer as MotionConformer
    from emo.motion.gaia import PosePredictor as PosePredictor
    from emo.motion.gaia import SpeechEncoder as SpeechEncoder
    from emo.motion.gohd import EyeMotionGenerator as EyeMotionGenerator
    from emo.motion.gohd import LipMapper as LipMapper
    from emo.motion.gohd import PoseDenoiser as PoseDenoiser
    from emo.motion.vasa import HolisticMotionTransformer as HolisticMotionTransformer
    from emo.motion.vasa import VolumeAnimator as VolumeAnimator
    from emo.pipelines import EMOPipeline as EMOPipeline
    from emo.pipelines import EMOPipelineOutput as EMOPipelineOutput
    from emo.pipelines import GAIAPipeline as GAIAPipeline
    from emo.pipelines import GoHDPipeline as GoHDPipeline
    from emo.pipelines import VASAPipeline as VASAPipeline
    from emo.unets import AudioProjection as AudioProjection
    from emo.unets import BackboneUNet as BackboneUNet
    from emo.unets import FaceLocator as FaceLocator
    from emo.unets import PatchAutoencoder as PatchAutoencoder
    from emo.unets import ReferenceNet as ReferenceNet
    from emo.unets import SpeedEncoder as SpeedEncoder
else:

    def __getattr__(name: str):
        """Import a public name when it is first asked for, so that `import emo` costs nothing."""
        if name not in _EXPORTS:
            raise AttributeError(f"module 'emo' has no attribute {name!r}")
        return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
