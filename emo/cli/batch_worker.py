"""What makes the videos of a batch, one after the other, with a model that is loaded once."""

import traceback
from typing import Any

from emo.cli import generate
from emo.cli.batch_jobs import Job
from emo.errors import EmoError, command_words, first_line


class BatchWorker:
    """A pipeline, loaded as the first job says: that is the same in all of a batch.

    Args:
        alone: whether no other process shows bars of progress on the same terminal.
    """

    def __init__(self, alone: bool):
        self.alone = alone
        self.pipe: Any = None

    def make(self, job: Job) -> str:
        """Make a job's video, or go on with it; returns what went wrong, or "".

        Raises:
            EmoError: the model cannot be loaded.
        """
        if self.pipe is None:
            self.pipe = generate.load_pipeline(job.settled())
            if not self.alone:
                self.pipe.set_progress_bar_config(disable=True)
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
