"""The jobs of a batch on a Ray cluster: on every GPU, or every machine without one, a model that is loaded once."""

from collections.abc import Iterator, Sequence

from emo.cli.batch_jobs import Job
from emo.cli.batch_worker import BatchWorker
from emo.errors import EmoError, OptionError, first_line

DIED = "the process that made it died"


def make_on_ray(jobs: Sequence[Job], address: str) -> Iterator[tuple[Job, str]]:
    """Make all jobs; every machine sees their files, and the model, under the same paths.

    Args:
        address: of the cluster, as Ray takes it; "local" starts one on this machine.

    Yields:
        Each job when it is done, and what went wrong, or "".

    Raises:
        OptionError: Ray is not installed, or there is no such cluster.
        EmoError: the model cannot be loaded.
    """
    try:
        import ray  # type: ignore[import-not-found]  (an extra)
    except ImportError:
        raise OptionError("--ray needs Ray: pip install 'emo[ray]'", option="ray") from None
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", ignore_reinit_error=True)
    except (ConnectionError, ValueError) as error:
        raise OptionError(f"--ray {address}: no cluster is reached ({first_line(error)})", option="ray") from None
    gpus = int(ray.cluster_resources().get("GPU", 0))
    machines = sum(node["Alive"] and node["Resources"].get("CPU", 0) >= 1 for node in ray.nodes())
    one = {"num_gpus": 1} if gpus else {"num_cpus": 1, "scheduling_strategy": "SPREAD"}
    start = ray.remote(**one)(BatchWorker).remote
    waiting = list(jobs)[::-1]
    try:
        at_work = {}
        for _ in range(min(len(jobs), gpus or machines)):
            worker = start(alone=False)
            job = waiting.pop()
            at_work[worker.make.remote(job)] = worker, job
        while at_work:
            (done,), _ = ray.wait(list(at_work))
            worker, job = at_work.pop(done)
            try:
                failure = ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise error.cause if isinstance(error.cause, EmoError) else error from None
            except ray.exceptions.RayActorError:
                worker, failure = start(alone=False), DIED
            yield job, failure
            if waiting:
                job = waiting.pop()
                at_work[worker.make.remote(job)] = worker, job
    finally:
        ray.shutdown()
