"""Gives up what a process does not need before it touches a stranger's bytes. For good: nothing here can be undone.

On Linux a seccomp filter refuses system calls (x86-64 and 64-bit ARM), and Landlock, where the kernel has it, refuses
files and addresses once more. Elsewhere there are resource limits at most, and on Windows none.
"""

import ctypes
import os
import platform
import struct
import sys

# System calls by what they would give back, each with its numbers on x86-64 and on 64-bit ARM (-1: not there).
REFUSED = {
    # files: opening, making, changing, naming; memory that counts as a file
    "open": (2, -1), "openat": (257, 56), "openat2": (437, 437), "creat": (85, -1), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264), "open_tree": (428, 428), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "truncate": (76, 45), "rename": (82, -1), "renameat": (264, 38), "renameat2": (316, 276), "mkdir": (83, -1),
    "mkdirat": (258, 34), "rmdir": (84, -1), "unlink": (87, -1), "unlinkat": (263, 35), "link": (86, -1),
    "linkat": (265, 37), "symlink": (88, -1), "symlinkat": (266, 36), "readlink": (89, -1), "readlinkat": (267, 78),
    "mknod": (133, -1), "mknodat": (259, 33), "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53),
    "fchmodat2": (452, 452), "chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54),
    "utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1), "utimensat": (280, 88), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "getxattr": (191, 8), "lgetxattr": (192, 9), "listxattr": (194, 11),
    "llistxattr": (195, 12), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "chdir": (80, 49), "fchdir": (81, 50), "chroot": (161, 51), "inotify_init": (253, -1), "inotify_init1": (294, 26),
    "fanotify_init": (300, 262), "io_setup": (206, 0), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "mq_open": (240, 180), "mq_unlink": (241, 181), "uselib": (134, -1),
    "acct": (163, 89),
    # mounts and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "setns": (308, 268), "unshare": (272, 97), "swapon": (167, 224), "swapoff": (168, 225), "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    # the network, and memory shared by name
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "recvmsg": (47, 212), "recvmmsg": (299, 243), "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190),
    "semop": (65, 193), "semtimedop": (220, 192), "semctl": (66, 191),
    # other programs and processes
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, -1), "vfork": (58, -1), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "process_madvise": (440, 440),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438), "kcmp": (312, 272), "sched_setaffinity": (203, 122), "setpriority": (141, 140),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274),
    "ioprio_set": (251, 30), "migrate_pages": (256, 238), "move_pages": (279, 239), "process_mrelease": (448, 448),
    # rights and the kernel
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143),
    "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159), "setfsuid": (122, 151),
    "setfsgid": (123, 152), "capset": (126, 91), "setrlimit": (160, 164), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161),
    "setdomainname": (171, 162), "syslog": (103, 116), "iopl": (172, -1), "ioperm": (173, -1),
    "modify_ldt": (154, -1), "personality": (135, 92), "vhangup": (153, 58),
}  # fmt: skip
NEWEST = 462  # what later kernels add is answered as if it were not there
CLONE, CLONE3, PRLIMIT, SECCOMP = (56, 220), (435, 435), (302, 261), (317, 277)
CLONE_THREAD = 0x10000
# Who is signaled when an open file is ready may be any process: commands that say so, or with which signal.
FCNTL, OWNERS = (72, 25), (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX
IOCTL, IOCTL_OWNERS = (16, 29), (0x8901, 0x8902, 0x5452)  # FIOSETOWN, SIOCSPGRP, FIOASYNC
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}

ALLOW, KILL, REFUSE, UNKNOWN = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026  # the last two: EPERM, ENOSYS
LOAD, EQUAL, ABOVE, ANY_BIT, RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, FILTER, EVERY_THREAD, SIGKILL = 1, 38, 1, 1, 9
LANDLOCK = 444, 446  # landlock_create_ruleset, landlock_restrict_self; the same everywhere


def confine(memory: int, seconds: int, file_size: int) -> bool:
    """Keep this process from files it has not open, addresses, programs and other processes, and to a share of means.

    Threads can still be started. Whether a file exists can still be asked.

    Args:
        memory: bytes of address space, on top of what is taken already.
        seconds: of a core.
        file_size: bytes of any file that it writes.

    Returns:
        Whether the system keeps it to that; False where it has no such filter, or, on Linux, no limit to the memory
        could be set. The other limits hold on Linux and macOS.
    """
    bounded = _limit(memory, seconds, file_size)
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    _restrict_files(libc)
    return _filter_calls(libc) and bounded


def program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter: instructions of classic BPF as (code, jump if true, jump if false, constant).

    Anything but this machine's own way of calling kills the process; what is refused answers EPERM.
    """
    column, architecture = MACHINES[machine]
    number = 0
    steps = [
        (LOAD, 0, 0, 4),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, number),
        # no process, but threads; glibc's newer call hides its flags in memory, and does without when it is not there
        (EQUAL, 0, 4, CLONE[column]),
        (LOAD, 0, 0, _low_of(0)),
        (ANY_BIT, 0, 1, CLONE_THREAD),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
        (EQUAL, 0, 1, CLONE3[column]),
        (RETURN, 0, 0, UNKNOWN),
        # limits may be read, not set: no pointer to new ones
        (EQUAL, 0, 6, PRLIMIT[column]),
        (LOAD, 0, 0, _low_of(2)),
        (EQUAL, 0, 3, 0),
        (LOAD, 0, 0, _low_of(2) + 4),
        (EQUAL, 0, 1, 0),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
        *_all_but(FCNTL[column], OWNERS, _low_of(1)),
        *_all_but(IOCTL[column], IOCTL_OWNERS, _low_of(1)),
        (ABOVE, 0, 1, NEWEST),  # above it also lie the numbers of x86-64's second way of calling, x32
        (RETURN, 0, 0, UNKNOWN),
    ]
    for numbers in REFUSED.values():
        if numbers[column] >= 0:
            steps += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, REFUSE)]
    return [*steps, (RETURN, 0, 0, ALLOW)]


def _low_of(argument: int) -> int:
    """Where the lower half of a system call's argument lies."""
    return 16 + 8 * argument


def _all_but(number: int, commands: tuple[int, ...], argument: int) -> list[tuple[int, int, int, int]]:
    """Allows a system call, but refuses it with these values of a 32-bit argument, given by its place."""
    count = len(commands)
    refused = [(EQUAL, count - i, 0, command) for i, command in enumerate(commands)]
    steps = [(LOAD, 0, 0, argument), *refused, (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return [(EQUAL, 0, len(steps), number), *steps]


def _filter_calls(libc: ctypes.CDLL) -> bool:
    machine = platform.machine()
    if machine not in MACHINES or sys.maxsize < 2**32:
        return False
    steps = program(machine)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    return libc.syscall(SECCOMP[MACHINES[machine][0]], FILTER, EVERY_THREAD, head) == 0


def _restrict_files(libc: ctypes.CDLL) -> None:
    """Landlock: a set of rules that handles all it knows and allows nothing."""
    create, restrict = LANDLOCK
    version = libc.syscall(create, None, 0, 1)
    if version < 1:
        return
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)) - 1
    network = 0b11 if version >= 4 else 0
    scoped = 0b11 if version >= 6 else 0  # sockets without a file, and signals
    rules = struct.pack("=QQQ", files, network, scoped)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    descriptor = libc.syscall(create, rules, len(rules), 0)
    if descriptor >= 0:
        libc.syscall(restrict, descriptor, 0)
        os.close(descriptor)


def _limit(memory: int, seconds: int, file_size: int) -> bool:
    """Returns whether the memory has one too."""
    try:
        import resource
    except ImportError:
        return False
    limits = {"CPU": seconds, "FSIZE": file_size, "CORE": 0, "NOFILE": 32}
    try:
        with open("/proc/self/statm", "rb") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
        limits["AS"] = taken + memory
    except OSError:
        pass  # no /proc: macOS, which does not keep processes to it, or a Linux without
    for name, most in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(kind, (most, most))
    return "AS" in limits
