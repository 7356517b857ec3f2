"""GoHD in the registry."""

from emo.hub.build_gohd import build_gohd
from emo.hub.gohd_config import load_gohd_config
from emo.hub.system import System
from emo.pipelines import GoHDOptions, GoHDPipeline

SYSTEM = System(
    name="gohd",
    title="GoHD",
    pipeline=GoHDPipeline,
    options=GoHDOptions,
    load_config=load_gohd_config,
    build=build_gohd,
)
