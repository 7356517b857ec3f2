"""The loader of every training script: samples by number, dealt out to processes, from any batch on."""

from collections.abc import Callable

from torch.utils.data import DataLoader, Dataset

from emo.data import StepSampler
from emo.training.signals import leave_signals_alone


def sample_loader(
    dataset: Dataset,
    collate: Callable,
    sampler: StepSampler,
    workers: int,
    *,
    pin_memory: bool = False,
) -> DataLoader:
    """Batches without end, which `workers` processes prepare; they leave signals to the training process.

    Args:
        dataset: answers to global sample numbers.
        collate: makes a batch of a list of samples.
        sampler: which numbers, from which batch on.
        workers: 0 for none.
        pin_memory: whether a GPU waits for the batches.
    """
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        collate_fn=collate,
        num_workers=workers,
        worker_init_fn=leave_signals_alone,
        pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
    )
