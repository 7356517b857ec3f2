"""Which samples a process sees at which step."""

from collections.abc import Iterator

from torch.utils.data import Sampler


class StepSampler(Sampler[list[int]]):
    """Endless batches of global sample numbers: step s of R processes with B samples each takes s·R·B … (s+1)·R·B − 1,
    process r the r-th B of them. So one process with twice the batch sees what two see, and a run goes on at any step.

    Args:
        batch_size: B, samples per process and step.
        num_processes, process_index: R and r.
        start_step: the first step.
    """

    def __init__(self, batch_size: int, num_processes: int = 1, process_index: int = 0, start_step: int = 0):
        if batch_size < 1 or not 0 <= process_index < num_processes or start_step < 0:
            raise ValueError(
                "batch_size must be positive, process_index one of num_processes, start_step not negative"
            )
        self.batch_size, self.num_processes, self.process_index = batch_size, num_processes, process_index
        self.start_step = start_step

    def __iter__(self) -> Iterator[list[int]]:
        step = self.start_step
        while True:
            first = (step * self.num_processes + self.process_index) * self.batch_size
            yield list(range(first, first + self.batch_size))
            step += 1
