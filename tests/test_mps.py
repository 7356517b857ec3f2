"""What Apple's GPUs lack is not used by networks: float64, and operations that torch has no kernel of for them.

No Mac is needed: networks run on the CPU, and every operation inside of them is looked up in torch's own table.
"""

from pathlib import Path

import pytest
import torch
import torchgen
import yaml
from tiny import noise, tiny_gaia, tiny_gohd, tiny_pipeline, tiny_vasa
from torch.nn.modules import module as hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

TABLE = Path(torchgen.__file__).parent / "packaged/ATen/native/native_functions.yaml"
FOR_ALL = {"MPS", "CompositeImplicitAutograd", "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional"}
OF_CPUS = {
    "_scaled_dot_product_flash_attention_for_cpu": "_scaled_dot_product_attention_math_for_mps",
    "mkldnn_rnn_layer": "_lstm_mps",
}
"""What torch takes for these on Apple's GPUs."""
WIDE = {torch.float64, torch.complex128}


class Watch(TorchDispatchMode):
    """Notes the operations and the wide tensors within networks."""

    def __init__(self):
        super().__init__()
        self.depth, self.operations, self.wide = 0, set(), set()

    def __enter__(self):
        self.hooks = [
            hooks.register_module_forward_pre_hook(lambda *_: self.enter(1)),
            hooks.register_module_forward_hook(lambda *_: self.enter(-1), always_call=True),
        ]
        return super().__enter__()

    def __exit__(self, *error):
        for hook in self.hooks:
            hook.remove()
        return super().__exit__(*error)

    def enter(self, step: int) -> None:
        self.depth += step

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if self.depth:
            self.operations.add(func.name().removeprefix("aten::"))
            tensors = [leaf for leaf in tree_leaves((args, kwargs, made)) if isinstance(leaf, torch.Tensor)]
            if any(tensor.dtype in WIDE for tensor in tensors):
                self.wide.add(func.name())
        return made


def lacking(operations: set[str]) -> list[str]:
    """Those that torch has no kernel of for Apple's GPUs."""
    table = {entry["func"].split("(")[0]: entry for entry in yaml.load(TABLE.read_text("utf-8"), yaml.CSafeLoader)}

    def has(name: str) -> bool:
        if name not in table:
            return True
        entry = table[name]
        kernels = {key.strip() for keys in entry.get("dispatch", {}) for key in keys.split(",")}
        delegate = entry.get("structured_delegate")
        if not kernels and delegate is None:
            return True  # made of others
        return bool(FOR_ALL & kernels) or (delegate is not None and has(delegate))

    return sorted(name for name in operations if not has(OF_CPUS.get(name, name)))


@pytest.mark.parametrize("make", [tiny_pipeline, tiny_vasa, tiny_gohd, tiny_gaia])
def test_networks_use_what_apples_gpus_have(make, portrait):
    pipe = make()
    with Watch() as watch:
        pipe(portrait, noise(0.2), num_inference_steps=1, generator=torch.Generator().manual_seed(0))
    assert len(watch.operations) > 10
    assert watch.wide == set()
    assert lacking(watch.operations) == []


def test_what_they_lack_is_noticed():
    class Wide(torch.nn.Module):
        def forward(self, x):
            return torch.linalg.eigh(x.double())

    with Watch() as watch:
        Wide()(torch.eye(3))
    assert watch.wide
    assert lacking(watch.operations) == ["_linalg_eigh"]
