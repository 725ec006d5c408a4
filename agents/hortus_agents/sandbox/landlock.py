"""Landlock as seen from outside the jail: which version the kernel has, and what to grant."""

import ctypes
import os
from pathlib import Path

from hortus_agents.errors import SandboxUnavailableError
from hortus_agents.sandbox.interpreter import DEVICES, READABLE_EXTRAS, SYSTEM_LIBRARIES, THIRD_PARTY, Interpreter

CREATE_RULESET = 444
VERSION_FLAG = 1

# Access rights by bit (linux/landlock.h); each kernel ABI knows a prefix of them.
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_FILE, MAKE_LINK = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
REFER, TRUNCATE = 1 << 13, 1 << 14
RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
RIGHTS_NOW = 16
ABI_NETWORK, ABI_SCOPES = 4, 6
BIND_AND_CONNECT_TCP = 0b11
SIGNALS_AND_ABSTRACT_SOCKETS = 0b11


def landlock_abi() -> int:
    """The kernel's Landlock version, 1 or more.

    Raises:
        SandboxUnavailableError: The kernel was built or started without it, or a seccomp profile hides it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = int(libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG))
    if version < 1:
        reason = os.strerror(ctypes.get_errno())
        raise SandboxUnavailableError(f"landlock_create_ruleset: {reason}")
    return version


def access_rules(abi: int, python: Interpreter, scratch: Path) -> dict[str, object]:
    """The ruleset as `inside.py` reads it: read the interpreter, write the scratch folder, nothing else."""
    handled = (1 << RIGHTS_BY_ABI.get(abi, RIGHTS_NOW)) - 1
    read = READ_FILE | READ_DIR
    write = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_FILE | MAKE_LINK | REFER | TRUNCATE
    paths: list[tuple[str, int]] = [(path, read) for path in (*SYSTEM_LIBRARIES, *READABLE_EXTRAS)]
    # Listing the library's folder is granted whole, its files one by one: rights cannot be taken back below.
    paths.append((str(python.stdlib), READ_DIR))
    paths += [
        (entry.path, read if entry.is_dir() else READ_FILE)
        for entry in sorted(os.scandir(python.stdlib), key=lambda entry: entry.name)
        if entry.name not in THIRD_PARTY
    ]
    paths += [(device, READ_FILE | WRITE_FILE) for device in DEVICES]
    paths.append((str(scratch), read | write))
    return {
        "handled_fs": handled,
        "handled_net": BIND_AND_CONNECT_TCP if abi >= ABI_NETWORK else 0,
        "scoped": SIGNALS_AND_ABSTRACT_SOCKETS if abi >= ABI_SCOPES else 0,
        "size": 24 if abi >= ABI_SCOPES else 16 if abi >= ABI_NETWORK else 8,
        "paths": [(path, access & handled) for path, access in paths],
    }
