"""GAIA in the registry."""

from emo.hub.build_gaia import build_gaia
from emo.hub.gaia_config import load_gaia_config
from emo.hub.system import System
from emo.pipelines import GAIAOptions, GAIAPipeline

SYSTEM = System(
    name="gaia",
    title="GAIA",
    pipeline=GAIAPipeline,
    options=GAIAOptions,
    load_config=load_gaia_config,
    build=build_gaia,
)
