"""Model folders: how they are saved, what is checked before one is loaded, and their way to the Hub and back.

The store knows folders, not models: a pipeline brings its class, its components' classes and its description along.
"""

from emo.store.card import Description, read_json, write_card
from emo.store.checks import check_folder, replaced_weights, variant_of, weight_files
from emo.store.components import (
    LIBRARY,
    component_class,
    network_classes,
    parameter_counts,
    register_components,
)
from emo.store.index import (
    MODEL_INDEX,
    component_names,
    components_of,
    is_hub_name,
    pipeline_class_name,
    read_index,
    read_index_file,
)
from emo.store.push import PushOptions, only_variant, require_model_folder, send_folder
from emo.store.repository import check_listing, hub_errors, refuse_pickles, repository_files, split_revision
from emo.store.saved_format import SavedFormat

__all__ = [
    "LIBRARY",
    "MODEL_INDEX",
    "Description",
    "PushOptions",
    "SavedFormat",
    "check_folder",
    "check_listing",
    "component_class",
    "component_names",
    "components_of",
    "hub_errors",
    "is_hub_name",
    "network_classes",
    "only_variant",
    "parameter_counts",
    "pipeline_class_name",
    "read_index",
    "read_index_file",
    "read_json",
    "refuse_pickles",
    "register_components",
    "replaced_weights",
    "repository_files",
    "require_model_folder",
    "send_folder",
    "split_revision",
    "variant_of",
    "weight_files",
    "write_card",
]
