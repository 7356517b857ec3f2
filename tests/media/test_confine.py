"""A confined process reaches nothing but what it has open."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from emo.media import confine

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the filter is Linux's")

TRIES = """
import ctypes, fcntl, json, os, resource, signal, socket, subprocess, sys, threading
from emo.media.confine import confine

secret, port, program = sys.argv[1], int(sys.argv[2]), sys.argv[3]
libc = ctypes.CDLL(None, use_errno=True)
ends_of_a_pipe = os.pipe()
kept, kept_socket = open(program, "rb"), socket.socket()
confined = confine(1 << 30, 20, 1000)


def called(number, *values):
    result = libc.syscall(number, *values)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def thread():
    said = []
    other = threading.Thread(target=lambda: said.append(open(secret).read()))
    other.start()
    other.join()
    return said[0]


threading.excepthook = lambda _: None
tries = dict(
    read=lambda: open(secret).read(),
    read_in_a_thread=thread,
    read_through_proc=lambda: open(f"/proc/self/root{secret}").read(),
    write=lambda: open(secret, "a"),
    remove=lambda: os.remove(secret),
    rename=lambda: os.rename(secret, secret + "2"),
    link=lambda: os.symlink(secret, secret + "3"),
    list=lambda: os.listdir("/"),
    change_folder=lambda: os.chdir("/"),
    connect=lambda: socket.create_connection(("127.0.0.1", port), 5),
    connect_a_socket_made_before=lambda: kept_socket.connect(("127.0.0.1", port)),
    listen=lambda: socket.create_server(("127.0.0.1", 0)),
    pair=lambda: socket.socketpair(),
    run=lambda: subprocess.run([program]),
    become=lambda: os.execv(program, [program]),
    become_what_is_open=lambda: os.execve(kept.fileno(), [program], {}),
    fork=lambda: os.fork() or os._exit(0),
    clone=lambda: called(int(sys.argv[4]), 17, 0, 0, 0, 0),
    signal=lambda: os.kill(os.getppid(), signal.SIGCONT),
    signal_through_a_file=lambda: fcntl.fcntl(ends_of_a_pipe[0], fcntl.F_SETOWN, os.getppid()),
    another_signal=lambda: fcntl.fcntl(ends_of_a_pipe[0], fcntl.F_SETSIG, 9),
    signal_by_ioctl=lambda: fcntl.ioctl(ends_of_a_pipe[0], 0x5452, b"\\1\\0\\0\\0"),
    schedule=lambda: os.sched_setscheduler(os.getppid(), os.SCHED_BATCH, os.sched_param(0)),
    spare_memory=lambda: os.memfd_create("x"),
    io_uring=lambda: called(425, 1, ctypes.create_string_buffer(120)),
    raise_a_limit=lambda: resource.setrlimit(resource.RLIMIT_CORE, (1, 1)),
    new=lambda: called(999),
    much_memory=lambda: bytearray(1 << 31),
)
ends = {}
for name, attempt in tries.items():
    try:
        attempt()
        ends[name] = "worked"
    except BaseException as error:
        ends[name] = type(error).__name__
sound = threading.Thread(target=lambda: ends.update(thread="started"))
sound.start()
sound.join()
print(json.dumps([confined, resource.getrlimit(resource.RLIMIT_CORE)[0], ends]))
"""


@linux
def test_nothing_else_is_reached(tmp_path):
    import socket

    if platform.machine() not in confine.MACHINES:
        pytest.skip("no filter for this machine")
    column = confine.MACHINES[platform.machine()][0]
    (tmp_path / "secret").write_text("the secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        given = [tmp_path / "secret", server.getsockname()[1], "/bin/true", confine.CLONE[column]]
        ended = subprocess.run(
            [sys.executable, "-c", TRIES, *map(str, given)], capture_output=True, text=True, timeout=60
        )
    assert ended.returncode == 0, ended.stderr
    confined, core, ends = json.loads(ended.stdout)
    assert confined
    assert core == 0
    assert ends.pop("thread") == "started"
    assert {name: end for name, end in ends.items() if end == "worked"} == {}
    assert ends["much_memory"] == "MemoryError"
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    assert Path(tmp_path / "secret").read_text() == "the secret"


@linux
@pytest.mark.parametrize("readable", [True, False])
def test_it_is_said_when_memory_has_no_limit(readable):
    """As in a container without /proc."""
    if platform.machine() not in confine.MACHINES:
        pytest.skip("no filter for this machine")
    hide = "" if readable else "module.open = lambda *_: os.open('/nowhere', 0)\n"
    source = f"import os\nfrom emo.media import confine as module\n{hide}print(module.confine(1 << 30, 20, 1000))"
    ended = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == str(readable), ended.stderr


def verdict(machine: str, number: int, arguments: tuple[int, ...] = (), architecture: int | None = None) -> int:
    """What the filter says to a system call: an interpreter of the five instructions that it is made of."""
    words = {0: number, 4: confine.MACHINES[machine][1] if architecture is None else architecture}
    for i, value in enumerate((*arguments, *[0] * (6 - len(arguments)))):
        words |= {16 + 8 * i: value & 0xFFFFFFFF, 20 + 8 * i: value >> 32}
    steps, place, loaded = confine.program(machine), 0, 0
    while True:
        code, if_true, if_false, constant = steps[place]
        place += 1
        if code == confine.RETURN:
            return constant
        if code == confine.LOAD:
            loaded = words[constant]
            continue
        holds = {
            confine.EQUAL: loaded == constant,
            confine.ABOVE: loaded > constant,
            confine.ANY_BIT: bool(loaded & constant),
        }[code]
        place += if_true if holds else if_false


@pytest.mark.parametrize("machine", confine.MACHINES)
def test_the_filter_of_every_machine(machine):
    column = confine.MACHINES[machine][0]
    for name, numbers in confine.REFUSED.items():
        if numbers[column] >= 0:
            assert verdict(machine, numbers[column]) == confine.REFUSE, name
    for read_write_exit in {0: (0, 1, 231), 1: (63, 64, 94)}[column]:
        assert verdict(machine, read_write_exit) == confine.ALLOW
    clone, clone3, prlimit = confine.CLONE[column], confine.CLONE3[column], confine.PRLIMIT[column]
    assert verdict(machine, clone, (0x3D0F00,)) == confine.ALLOW  # a thread, as glibc starts it
    assert verdict(machine, clone, (17,)) == confine.REFUSE
    assert verdict(machine, clone3) == confine.UNKNOWN
    assert verdict(machine, prlimit, (0, 7, 0, 0xFFFF)) == confine.ALLOW
    assert verdict(machine, prlimit, (0, 7, 0x1000)) == confine.REFUSE
    assert verdict(machine, prlimit, (0, 7, 1 << 40)) == confine.REFUSE
    fcntl, ioctl = confine.FCNTL[column], confine.IOCTL[column]
    for command in (8, 10, 15):
        assert verdict(machine, fcntl, (3, command, 1)) == confine.REFUSE
        assert verdict(machine, fcntl, (3, command | 1 << 32, 1)) == confine.REFUSE  # the kernel reads 32 bits
    for command in (0x8901, 0x8902, 0x5452):
        assert verdict(machine, ioctl, (3, command, 1)) == confine.REFUSE
    for number, read_flags_close_on_exec in ((fcntl, (1, 2, 3, 4, 1030)), (ioctl, (0x5451, 0x5401))):
        for command in read_flags_close_on_exec:
            assert verdict(machine, number, (3, command)) == confine.ALLOW
    assert verdict(machine, 463) == confine.UNKNOWN
    assert verdict(machine, 0x40000000) == confine.UNKNOWN  # x32
    assert verdict(machine, 0, architecture=0x40000003) == confine.KILL  # 32-bit


def test_numbers_stand_once():
    for column in (0, 1):
        numbers = [pair[column] for pair in confine.REFUSED.values() if pair[column] >= 0]
        assert len(numbers) == len(set(numbers))
