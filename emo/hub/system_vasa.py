"""VASA-1 in the registry."""

from emo.hub.build_vasa import build_vasa
from emo.hub.system import System
from emo.hub.vasa_config import load_vasa_config
from emo.pipelines import VASAOptions, VASAPipeline

SYSTEM = System(
    name="vasa",
    title="VASA-1",
    pipeline=VASAPipeline,
    options=VASAOptions,
    load_config=load_vasa_config,
    build=build_vasa,
)
