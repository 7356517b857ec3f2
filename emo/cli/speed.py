"""How a loaded pipeline is made to fit the machine: where its weights lie, as what, and what is compiled."""

import argparse
import os
from typing import TYPE_CHECKING, Any

from emo.errors import EmoError, OptionError, first_line

if TYPE_CHECKING:
    from diffusers.models.modeling_utils import ModelMixin

OFFLOADS = ("model", "group")
STORAGES = ("float8",)
VARIANTS = 64  # of a block's code: of each level's width and size, with and without the rows of guidance


def add_speed(parser: argparse._ActionsContainer) -> None:
    """Options for `settle`."""
    parser.add_argument(
        "--offload",
        nargs="?",
        const="model",
        choices=OFFLOADS,
        help="keep on the GPU only the network at work (model, which is meant where none is named), or only the layer "
        "at work and the next (group)",
    )
    parser.add_argument("--storage", choices=STORAGES, help="keep the UNets' weights in 8 bits, for half the memory")
    parser.add_argument("--compile", action="store_true", help="compile the backbone's blocks, once per machine")
    parser.add_argument(
        "--fast-decoder",
        metavar="DECODER",
        help="folder or Hub name of a small decoder (TAESD) for models of SD's size",
    )


def settle(pipe: Any, options: argparse.Namespace, device: str) -> None:
    """Bring a pipeline to its device as the options say.

    Raises:
        OptionError: the model cannot do what is asked for.
        EmoError: this machine cannot.
    """
    if options.compile and (options.storage or options.offload == "group"):
        raise OptionError("--compile goes with neither --storage nor --offload group", option="compile")
    if options.storage:
        store_small(pipe)
    if options.fast_decoder:
        use_fast_decoder(pipe, options.fast_decoder)
    if options.offload == "group":
        offload_groups(pipe, device)
    elif options.offload:
        pipe.enable_model_cpu_offload(device=device)
    else:
        pipe.to(device)
    if options.compile:
        compile_blocks(pipe, device)


def unets(pipe: Any, flag: str) -> list["ModelMixin"]:
    """The backbone and the ReferenceNet.

    Args:
        flag: of the option that is about them.

    Raises:
        OptionError: the model has none.
    """
    if not hasattr(pipe, "reference_unet"):
        raise OptionError(f"--{flag} is for EMO's models; leave it out, or give one by --model", option=flag)
    return [pipe.unet, pipe.reference_unet]


def store_small(pipe: Any) -> None:
    """Keep the UNets' weights in 8 bits; each layer computes in the pipeline's precision."""
    import torch

    for unet in unets(pipe, "storage"):
        unet.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=unet.dtype)


def use_fast_decoder(pipe: Any, place: str) -> None:
    """Let a small decoder draw the frames."""
    unets(pipe, "fast-decoder")
    from emo.pipelines.emo_decoder import load_fast_decoder

    pipe.set_fast_decoder(load_fast_decoder(place, pipe.unet.dtype))


def offload_groups(pipe: Any, device: str) -> None:
    """Bring each layer to the device when its turn comes; where the device can, while the one before works."""
    import torch

    unets(pipe, "offload")
    stream = device.startswith("cuda")
    pipe.enable_group_offload(onload_device=torch.device(device), offload_type="leaf_level", use_stream=stream)


def compile_blocks(pipe: Any, device: str) -> None:
    """Compile the backbone's repeated blocks, into a folder where the next run finds them.

    Raises:
        EmoError: no compiler is here.
    """
    backbone = unets(pipe, "compile")[0]
    import torch

    from emo.downloads import cache_folder

    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder("compiled")))
    try:
        torch.compile(lambda x: x.sin().cos())(torch.ones(8, device=device))
    except Exception as error:  # of many classes, one for each step that may fail
        raise EmoError(
            f"--compile: torch cannot compile here ({first_line(error)}); install a C++ compiler, and triton "
            "for a GPU, or leave it out"
        ) from None
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, VARIANTS)
    backbone.compile_repeated_blocks(fullgraph=True, dynamic=False)
