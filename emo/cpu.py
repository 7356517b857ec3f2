"""The CPU as it is lent to this process: cores, what they compute in hardware, and threads that share them well."""

import math
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
CPU_INFO = Path("/proc/cpuinfo")
BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # as Linux calls it: of Intel and AMD, of Intel's AMX, of ARM
SPINS = "1000"


def prepare_threads(environment: MutableMapping[str, str] = os.environ) -> None:
    """Choose how the threads of a network's layers wait for each other, and how many they are; before torch is loaded.

    The OpenMP runtime reads both when it is loaded. Left alone, threads that are done spin until the last one is.
    Where that has no core, as others are busy or the quota is used up, the spinning takes the time it waits for.
    Variables that the user has set stay as they are. This is for programs: a library leaves it to who imports it.
    """
    if "OMP_WAIT_POLICY" not in environment:
        environment.setdefault("GOMP_SPINCOUNT", SPINS)
    if available_cores() < visible_cores():  # which a quota is not seen in
        environment.setdefault("OMP_NUM_THREADS", str(available_cores()))


def available_cores() -> int:
    """Cores that this process may keep busy: those it may run on, but no more than its quota."""
    return min([visible_cores(), *(max(1, math.ceil(quota)) for quota in cpu_quotas())])


def visible_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_quotas() -> Iterator[float]:
    """Cores' worth of time that this process's control groups allow, its own and those above it, of both versions.

    In a container the path may be the host's, which is not seen there: then the top is the container's own group.
    """
    for line in _lines(MEMBERSHIP):
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = path.strip("/")
        for top in [CGROUPS / controllers, CGROUPS / "cpu"] if controllers else [CGROUPS, CGROUPS / "unified"]:
            for folder in [top / group, *(top / group).parents]:
                if not folder.is_relative_to(top):
                    break
                yield from _quota(folder)


def has_bfloat16() -> bool:
    """Whether the CPU multiplies matrices of bfloat16 in hardware; False where the system does not say."""
    flags = (line.partition(":")[2].split() for line in _lines(CPU_INFO) if line.startswith(("flags", "Features")))
    return not BFLOAT16.isdisjoint(next(flags, ()))


def _quota(group: Path) -> Iterator[float]:
    """Of one control group, if it has one."""
    numbers = [word for line in _lines(group / "cpu.max") for word in line.split()]
    numbers = numbers or [*_lines(group / "cpu.cfs_quota_us"), *_lines(group / "cpu.cfs_period_us")]
    if len(numbers) == 2 and numbers[0] not in ("max", "-1"):
        yield int(numbers[0]) / int(numbers[1])


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
