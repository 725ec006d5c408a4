"""The system calls that jailed code may make, compiled to a seccomp program.

An allow list: whatever is not named is refused with EPERM, which Python shows as PermissionError.
"""

import errno
import tempfile
from functools import cache
from importlib import import_module
from types import ModuleType

from hortus_agents.errors import SandboxUnavailableError

FILES = (
    "open openat creat close read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 "
    "lseek stat fstat lstat newfstatat statx access faccessat faccessat2 getcwd chdir fchdir rename renameat renameat2 "
    "rmdir unlink unlinkat symlink symlinkat readlink readlinkat getdents getdents64 ftruncate "
    "fsync fdatasync flock fstatfs statfs fadvise64 dup dup2 dup3 pipe pipe2 poll ppoll select pselect6 "
    "sendfile copy_file_range"
)
MEMORY = "mmap mprotect munmap mremap madvise brk msync"
TIME = "alarm setitimer getitimer pause nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times"
SIGNALS = (
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack restart_syscall"
)
IDENTITY = (
    "getpid gettid getppid getuid geteuid getgid getegid getgroups getresuid getresgid getpgrp getpgid getsid uname "
    "sysinfo getrusage getrlimit setrlimit getrandom"
)
THREADS = (
    "futex set_robust_list set_tid_address arch_prctl rseq sched_yield sched_getaffinity getcpu "
    "exit exit_group wait4 waitid"
)
# What bwrap and the starting interpreter need on top, between bwrap's own filter and the final one.
STARTING = "execve prctl"

# A thread that shares memory, files and root with the others, so that looking at one shows what all of them hold.
CLONE_THREAD = 0x00010000 | 0x00000100 | 0x00000200 | 0x00000400 | 0x00000800
CLOSE_RANGE_UNSHARE = 2
NEW_NAMESPACES = 0x7E020000 | 0x00000080  # user, pid, net, ipc, uts, cgroup, mount and time
LOW_WORD = 0xFFFFFFFF
# isatty (open() asks), inheritable on/off, bytes ready, non-blocking, window size
IOCTLS = (0x5401, 0x5450, 0x5451, 0x541B, 0x5421, 0x5413)
# duplicates, flags, record locks, size of a pipe
FCNTLS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)
PR_SET_NAME = 15
OWNER_MODE = 0o700


def load_libseccomp() -> ModuleType:
    """pyseccomp, imported on first use because its import fails where the C library is missing.

    Raises:
        SandboxUnavailableError: libseccomp is not installed.
    """
    try:
        return import_module("pyseccomp")
    except (ImportError, RuntimeError, OSError) as exc:
        msg = "the C library libseccomp was not found (Debian: apt install libseccomp2)"
        raise SandboxUnavailableError(msg) from exc


@cache
def seccomp_program(*, starting: bool) -> bytes:
    """The filter as an array of `struct sock_filter`; `starting` also lets bwrap execute the interpreter.

    Raises:
        SandboxUnavailableError: libseccomp is not installed.
    """
    lib = load_libseccomp()
    program = lib.SyscallFilter(lib.ERRNO(errno.EPERM))
    names = " ".join((FILES, MEMORY, TIME, SIGNALS, IDENTITY, THREADS, STARTING if starting else "")).split()

    def allow(name: str, *conditions: object) -> None:
        if lib.resolve_syscall(lib.Arch.NATIVE, name) >= 0:  # negative: not a call of this architecture
            program.add_rule(lib.ALLOW, name, *conditions)

    for name in names:
        allow(name)
    # Threads, never processes: nothing can outlive the interpreter, so killing it ends the call.
    allow("clone", lib.Arg(0, lib.MASKED_EQ, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD))
    # Its flags lie in memory, out of a filter's sight; with ENOSYS libc falls back to clone.
    program.add_rule(lib.ERRNO(errno.ENOSYS), "clone3")
    allow("close_range", lib.Arg(2, lib.MASKED_EQ, CLOSE_RANGE_UNSHARE, 0))
    # A folder that its owner cannot list would hide files from the scratch watch.
    allow("mkdir", lib.Arg(1, lib.MASKED_EQ, OWNER_MODE, OWNER_MODE))
    allow("mkdirat", lib.Arg(2, lib.MASKED_EQ, OWNER_MODE, OWNER_MODE))
    # On another process of the same user it would change that one's limits.
    allow("prlimit64", lib.Arg(0, lib.EQ, 0))
    if not starting:
        allow("prctl", lib.Arg(0, lib.EQ, PR_SET_NAME))
    # Not the ones that name a process to be signalled.
    for command in FCNTLS:
        allow("fcntl", lib.Arg(1, lib.MASKED_EQ, LOW_WORD, command))
    for request in IOCTLS:
        allow("ioctl", lib.Arg(1, lib.MASKED_EQ, LOW_WORD, request))
    with tempfile.TemporaryFile() as file:
        program.export_bpf(file)
        file.seek(0)
        return file.read()
