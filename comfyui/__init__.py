"""A folder for ComfyUI's `custom_nodes`: the nodes are those of the package `emo`, which must be installed."""

from emo.comfy import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
