"""The saved form of the pipeline: a folder that diffusers loads from disk and from the Hub, by class or generically.

`EMOPipeline.from_pretrained` needs nothing more. `DiffusionPipeline.from_pretrained(..., trust_remote_code=True)`
imports `pipeline.py`, one line that imports this package; then diffusers finds the components' classes under the
library name `emo`, which is registered among its pipeline modules. The one-line `<component>/emo.py` files are what
diffusers looks for in a Hub repository before it accepts a library it does not know.
"""

import json
import os
import sys
from pathlib import Path

import diffusers.pipelines

PIPELINE_MODULE = "pipeline"
LIBRARY = "emo"
NOT_SAVED = {"_name_or_path", "dtype", "torch_dtype"}


class SavedFormat:
    """Mixin of `EMOPipeline`: writes `model_index.json` and the one-line modules, and reads the former back."""

    def to_json_string(self) -> str:
        """The model index, with this package's components under the library name `emo`."""
        index = json.loads(super().to_json_string())
        index["_class_name"] = [PIPELINE_MODULE, index["_class_name"]]
        index.pop("_name_or_path", None)
        for name in self._own_components(index):
            index[name][0] = LIBRARY
        return json.dumps(index, indent=2, sort_keys=True) + "\n"

    def save_config(self, save_directory: str | os.PathLike, *args, **kwargs) -> None:
        """Write the model index and the one-line modules.

        From the components' configs it strips local paths, and the precision of an fp16 variant, which transformers
        would take for that of the default weights beside it.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        name = type(self).__name__
        (folder / f"{PIPELINE_MODULE}.py").write_text(
            f"from emo import {name}\n\n__all__ = [{name!r}]\n", encoding="utf-8"
        )
        index = json.loads(super().to_json_string())
        for component in self._own_components(index):
            class_name = index[component][1]
            module = f"from emo import {class_name}\n\n__all__ = [{class_name!r}]\n"
            (folder / component / f"{LIBRARY}.py").write_text(module, encoding="utf-8")
        for config in folder.glob("*/*config.json"):
            values = json.loads(config.read_text(encoding="utf-8"))
            kept = {key: value for key, value in values.items() if key not in NOT_SAVED}
            if kept != values:
                config.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        super().save_config(save_directory, *args, **kwargs)

    @staticmethod
    def _own_components(index: dict) -> list[str]:
        return [k for k, v in index.items() if isinstance(v, list) and str(v[0]).split(".")[0] == LIBRARY]

    @classmethod
    def _dict_from_json_file(cls, json_file: str | os.PathLike) -> dict:
        index = super()._dict_from_json_file(json_file)
        if isinstance(index.get("_class_name"), list):
            index["_class_name"] = index["_class_name"][1]
        return index


setattr(diffusers.pipelines, LIBRARY, sys.modules[LIBRARY])
