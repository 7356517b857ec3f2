"""The saved form of a pipeline: a folder that diffusers loads from disk and from the Hub, by class or generically.

A pipeline's own `from_pretrained` needs nothing more. `DiffusionPipeline.from_pretrained(..., trust_remote_code=True)`
imports `pipeline.py`, one line that imports this package; then diffusers finds the components' classes under the
library name `emo` (see `emo.store.components`). The one-line `<component>/emo.py` files are what
diffusers looks for in a Hub repository before it accepts a library it does not know.
"""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline

from emo.errors import EmoError, OptionError, WeightsError, first_line
from emo.store.card import Description
from emo.store.checks import check_folder, replaced_weights
from emo.store.components import LIBRARY, is_own
from emo.store.index import components_of, is_hub_name, pipeline_class_name, read_index
from emo.store.push import PushOptions, send_folder
from emo.store.repository import check_listing, hub_errors, repository_files, split_revision

PIPELINE_MODULE = "pipeline"
NOT_SAVED = {"_name_or_path", "dtype", "torch_dtype"}

Self = TypeVar("Self", bound="SavedFormat")


class SavedFormat(DiffusionPipeline):
    """Base of pipelines: writes `model_index.json` and the one-line modules, and reads the former back.

    Only safetensors go in or out: to disk, to the Hub and from there.

    Attributes:
        describe: what the pipeline says of a saved folder on its model card.
    """

    describe: ClassVar[Callable[[Path], Description]]

    @classmethod
    def component_names(cls, folder: str | os.PathLike | None = None) -> set[str]:
        """The components that a folder must hold.

        Args:
            folder: which one, where optional components belong to it that its index names.

        Raises:
            WeightsError: it has no index.
        """
        expected, _ = cls._get_signature_keys(cls)
        named = () if folder is None or is_hub_name(folder) else components_of(read_index(folder))
        return set(expected) - (set(cls._optional_components) - set(named))

    @classmethod
    def from_pretrained(cls: type[Self], pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any) -> Self:
        """Load from a folder or from the Hub, there as `org/name` or `org/name@revision`; safetensors only.

        Raises:
            WeightsError: the folder is incomplete, holds pickle files, or its tensors do not fit their configs.
            HubError: the repository cannot be had.
        """
        name, revision = split_revision(pretrained_model_name_or_path)
        kwargs = kwargs if revision is None else {**kwargs, "revision": revision}
        check_folder(name, cls.component_names(name) - kwargs.keys(), kwargs.get("variant"))
        if not {"dtype", "torch_dtype"} & kwargs.keys():
            kwargs["dtype"] = torch.float32
        try:
            with hub_errors(str(name)):
                return super().from_pretrained(name, **{**kwargs, "use_safetensors": True})
        except EmoError:
            raise
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise WeightsError(f"{name}: cannot be loaded ({first_line(error)})") from error

    def save_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride] (says where it was sent)
        self,
        save_directory: str | os.PathLike,
        safe_serialization: bool = True,
        variant: str | None = None,
        max_shard_size: int | str | None = None,
        push_to_hub: bool = False,
        use_flashpack: bool = False,
        **kwargs: Any,
    ) -> str | None:
        """Write the pipeline's folder; with `push_to_hub` also send it, with the options of
        `emo.push_folder`.

        Weights of the same variant that were there before are gone then, in however many shards they were.

        Args:
            variant: a name for this set of weights, such as "fp16", in their files' names.
            max_shard_size: weights beyond it are split, as "14MB" or in bytes.

        Returns:
            With `push_to_hub` the address of the commit.

        Raises:
            OptionError: another format than safetensors is asked for.
            HubError: the Hub cannot be reached or refuses.
        """
        if not safe_serialization or use_flashpack:
            raise OptionError("weights are written as safetensors only; leave safe_serialization and use_flashpack")
        before = _weights(Path(save_directory))
        super().save_pretrained(save_directory, variant=variant, max_shard_size=max_shard_size)
        written = _weights(Path(save_directory)).items() - before.items()
        for stale in replaced_weights(before, {name for name, _ in written}):
            (Path(save_directory) / stale).unlink(missing_ok=True)
        if push_to_hub:
            return self._send(Path(save_directory), kwargs.pop("repo_id", Path(save_directory).name), **kwargs)
        return None

    def push_to_hub(  # pyright: ignore[reportIncompatibleMethodOverride] (no subfolder: a pipeline is a repository)
        self,
        repo_id: str,
        commit_message: str | None = None,
        private: bool | None = None,
        token: str | None = None,
        create_pr: bool = False,
        safe_serialization: bool = True,
        variant: str | None = None,
        max_shard_size: int | str | None = None,
        **options: Any,
    ) -> str:
        """Send the pipeline to a Hub repository, with a model card; see `emo.push_folder`.

        Args:
            repo_id: `org/name`; made where it does not exist.
            private: whether a new repository is.
            options: the others of `emo.push_folder`: revision, license, training_data.

        Returns:
            The address of the commit.

        Raises:
            HubError: the Hub cannot be reached or refuses.
        """
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder, safe_serialization, variant, max_shard_size)
            return self._send(
                Path(folder),
                repo_id,
                commit_message=commit_message,
                private=private,
                token=token,
                create_pr=create_pr,
                **options,
            )

    @classmethod
    def _send(cls, folder: Path, repo_id: str, **options: Any) -> str:
        return send_folder(folder, repo_id, cls.component_names(folder), cls.describe, PushOptions(**options))

    @classmethod
    def download(cls, pretrained_model_name: str, **kwargs: Any) -> str | os.PathLike:
        """Fetch from the Hub what a pipeline needs, into the local cache.

        Returns:
            The folder there, checked like any other.

        Raises:
            HubError: the repository cannot be had.
            WeightsError: it holds pickle files, is incomplete, or its tensors do not fit their configs.
        """
        asked = {key: kwargs.get(key) for key in ("revision", "token", "cache_dir")}
        local = bool(kwargs.get("local_files_only"))
        files = repository_files(pretrained_model_name, local_files_only=local, **asked)
        check_listing(pretrained_model_name, files)
        with hub_errors(pretrained_model_name):
            folder = super().download(pretrained_model_name, **{**kwargs, "use_safetensors": True})
        check_folder(folder, cls.component_names(folder) - kwargs.keys(), kwargs.get("variant"))
        return folder

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

        From the components' configs it strips local paths and the precision of the weights. transformers would take
        the latter, or that of the tensors, for the one to load them in: its configs say float32, as diffusers does.
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
            if config.name == "config.json" and "transformers_version" in values:
                kept["dtype"] = "float32"
            if kept != values:
                config.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        super().save_config(save_directory, *args, **kwargs)

    @staticmethod
    def _own_components(index: dict[str, Any]) -> list[str]:
        return [name for name, component in components_of(index).items() if is_own(component)]

    @classmethod
    def _dict_from_json_file(cls, json_file: str | os.PathLike) -> dict:
        index = super()._dict_from_json_file(json_file)
        if isinstance(index.get("_class_name"), list):
            index["_class_name"] = pipeline_class_name(index)
        return index


def _weights(folder: Path) -> dict[str, int]:
    """Files of weights and indices of shards below a folder, with the time they were written, in nanoseconds."""
    return {file.relative_to(folder).as_posix(): file.stat().st_mtime_ns for file in folder.glob("*/*.safetensors*")}
