"""EMO in the registry."""

from emo.hub.build import build_pipeline
from emo.hub.model_config import load_model_config
from emo.hub.peers import start_from
from emo.hub.pretrained import import_pipeline
from emo.hub.system import System
from emo.pipelines import EMOOptions, EMOPipeline

SYSTEM = System(
    name="emo",
    title="EMO",
    pipeline=EMOPipeline,
    options=EMOOptions,
    load_config=load_model_config,
    build=build_pipeline,
    import_weights=import_pipeline,
    start_from=start_from,
)
