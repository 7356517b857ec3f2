"""Nodes for ComfyUI, which finds them by the folder `comfyui` of this project; see docs/comfyui.md."""

from emo.comfy.model_nodes import LoadModel, Speak, options_nodes
from emo.comfy.motion_nodes import GenerateMotion, LoadMotion, ReadMotion, SaveMotion
from emo.comfy.video_nodes import DrawMotion, Drive, Generate, SaveVideo

NODES: dict[str, type] = {
    "Load Model": LoadModel,
    **{f"{name} Options": node for name, node in options_nodes().items()},
    "Speak": Speak,
    "Generate": Generate,
    "Drive": Drive,
    "Generate Motion": GenerateMotion,
    "Read Motion": ReadMotion,
    "Draw Motion": DrawMotion,
    "Save Motion": SaveMotion,
    "Load Motion": LoadMotion,
    "Save Video": SaveVideo,
}
"""The nodes by what their titles say after "EMO: "."""

NODE_CLASS_MAPPINGS = {f"EMO_{title.replace(' ', '')}": node for title, node in NODES.items()}
"""By the names that workflows have for them."""

NODE_DISPLAY_NAME_MAPPINGS = {f"EMO_{title.replace(' ', '')}": f"EMO: {title}" for title in NODES}

__all__ = ["NODES", "NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
