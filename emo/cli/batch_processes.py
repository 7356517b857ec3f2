"""The processes that `accelerate launch` starts, one per GPU: who makes which jobs of a batch, what came of them."""

import os
from datetime import timedelta
from typing import Any, TypeVar

ItemT = TypeVar("ItemT")

LONGEST = timedelta(days=100)  # that the first to be done waits for the last


class BatchProcesses:
    """This process among its likes; alone where nothing has launched it together with others.

    Attributes:
        is_main: whether it is the one that speaks for all.
        device: its own, where the command names none; None if it is alone.
    """

    def __init__(self):
        self.state: Any = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            import torch
            from accelerate import PartialState

            # Lists are all they tell each other: gloo does that on any device.
            self.state = PartialState(cpu=not torch.cuda.is_available(), backend="gloo", timeout=LONGEST)
        self.is_main: bool = self.state is None or self.state.is_main_process
        self.device: str | None = None if self.state is None else str(self.state.device)

    def share(self, items: list[ItemT]) -> list[ItemT]:
        """This process's part of what the main one holds."""
        if self.state is None:
            return items
        from accelerate.utils import broadcast_object_list

        (all_items,) = broadcast_object_list([items])
        with self.state.split_between_processes(all_items) as own:
            return own

    def gather(self, items: list[ItemT]) -> list[ItemT]:
        """What all of them hold, when the last one is here."""
        if self.state is None:
            return items
        from accelerate.utils import gather_object

        return gather_object(items)
