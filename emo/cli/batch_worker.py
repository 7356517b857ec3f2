"""What makes the videos of a batch, one after the other, with a model that is loaded once."""

import traceback
from typing import Any

from emo.cli import generate
from emo.cli.batch_jobs import Job
from emo.errors import EmoError, command_words, first_line


class BatchWorker:
    """A loaded pipeline.

    Args:
        job: any of the batch: how the model is loaded is the same in all.

    Raises:
        EmoError: it cannot be loaded.
    """

    def __init__(self, job: Job):
        self.pipe: Any = generate.load_pipeline(job.options)

    def make(self, job: Job) -> str:
        """Make a job's video, or go on with it; returns what went wrong, or ""."""
        try:
            generate.run(job.options, self.pipe)
        except EmoError as error:
            problem = error.told(command_words)
        except Exception as error:  # whatever it is, it is this job's alone
            problem = f"{type(error).__name__}: {first_line(error)}"
        else:
            return ""
        if job.options.debug:
            traceback.print_exc()
        return problem
