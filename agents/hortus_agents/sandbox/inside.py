"""Runs inside the jail: `python -I -S -B inside.py CONFIG`; only the standard library is there.

Locks itself in, says ready, reads one request from stdin, serves it, dies. The result leaves on what was
stderr at the start, so that nothing printed can be taken for it.
"""

import _thread
import ast
import base64
import builtins
import ctypes
import errno
import fcntl
import json
import linecache
import os
import resource
import signal
import stat
import struct
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

SOURCE_NAME = "<tool>"
MIB = 1024 * 1024
OPEN_FILES = 64
MOST_DESCRIPTORS = 1 << 20  # the kernel's bound of a process, unless somebody raised it
REPORT_MIB = 32  # kept back so that running out of memory can still be reported
ERROR_CHARS = 4000
CONTROL_FD = 60
REPLIES_FD = 61
READABLE = ("/usr/share/zoneinfo",)
TOUCHED = 20
WATCHED = (
    "open", "os.", "socket.", "subprocess.", "shutil.", "ctypes.", "pty.", "fcntl.", "mmap.", "sqlite3.", "ftplib.",
    "http.", "urllib.", "tempfile.", "glob.", "signal.", "webbrowser.", "resource.", "builtins.input", "winreg.",
)  # fmt: skip

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_RULE_PATH_BENEATH = 1

_libc = ctypes.CDLL(None, use_errno=True)
_watching: list[bool] = []  # not empty while the code runs and is observed


def _checked(status: int, what: str) -> int:
    if status < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return status


def _prctl(option: int, *values: int | ctypes.c_void_p, what: str) -> None:
    padded = [*values, 0, 0, 0, 0][:4]
    _checked(_libc.prctl(option, *(v if isinstance(v, ctypes.c_void_p) else ctypes.c_ulong(v) for v in padded)), what)


def _build_ruleset(rules: dict[str, Any]) -> int:
    """A Landlock ruleset (kernel docs, userspace-api/landlock) that refuses all but `rules["paths"]`."""
    attributes = struct.pack("=QQQ", rules["handled_fs"], rules["handled_net"], rules["scoped"])[: rules["size"]]
    ruleset = _checked(
        _libc.syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0),
        "landlock_create_ruleset",
    )
    for path, access in rules["paths"]:
        try:
            target = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        beneath = struct.pack("=Qi", access, target)
        _checked(_libc.syscall(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, beneath, 0), f"landlock {path}")
        os.close(target)
    return ruleset


def _become_nobody(uid: int, scratch: str, stdlib: str) -> None:
    """Leave root for a user of our own; the library stays reachable by a descriptor where its folder is not."""
    library = os.open(stdlib, os.O_PATH)
    os.chown(scratch, uid, uid)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    # Changing the user hides /proc/self from its owner, and the descriptor below with it.
    _prctl(PR_SET_DUMPABLE, 1, what="prctl dumpable")
    if os.access(stdlib + "/os.py", os.R_OK):
        os.close(library)
        return
    reachable = f"/proc/self/fd/{library}"
    sys.path[:] = [reachable, reachable + "/lib-dynload"]
    for module in list(sys.modules.values()):
        if hasattr(module, "__path__"):
            module.__path__ = [path.replace(stdlib, reachable, 1) for path in module.__path__]
    sys.path_importer_cache.clear()


def _close_inherited() -> None:
    """Only the three standard streams are ours: an event loop may start us with whatever its process left open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.closerange(3, most if 0 <= most < MOST_DESCRIPTORS else MOST_DESCRIPTORS)


def _confine(config: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    _prctl(PR_SET_NO_NEW_PRIVS, 1, what="prctl no_new_privs")
    ruleset = _build_ruleset(config["landlock"]) if config["landlock"] else None
    if config["uid_base"]:
        uid = config["uid_base"] + os.getpid() % config["uid_count"]
        _become_nobody(uid, config["scratch"], config["stdlib"])
    if config["parent"]:  # set after the change of user, which clears it
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, what="prctl pdeathsig")
        if os.getppid() != config["parent"]:
            os._exit(0)
    if ruleset is not None:
        _checked(_libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
        os.close(ruleset)
    code = base64.b64decode(config["filter"])
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a count of 8-byte instructions, padding, their address
    program = ctypes.create_string_buffer(struct.pack("HP", len(code) // 8, ctypes.addressof(buffer)))
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_void_p(ctypes.addressof(program)), what="prctl seccomp")


def _limit(limits: dict[str, int], *, own_user: bool) -> None:
    memory = limits["memory_mib"] * MIB
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory + REPORT_MIB * MIB))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"] + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_mib"] * MIB,) * 2)
    if own_user:
        resource.setrlimit(resource.RLIMIT_NPROC, (limits["processes"],) * 2)


def _own_frames(report: traceback.TracebackException) -> None:
    report.stack[:] = [frame for frame in report.stack if frame.filename == SOURCE_NAME]
    for linked in (report.__cause__, report.__context__):
        if linked is not None:
            _own_frames(linked)


def _describe(exc: BaseException) -> str:
    report = traceback.TracebackException.from_exception(exc)
    _own_frames(report)
    text = "".join(report.format()).strip()
    return text if len(text) <= ERROR_CHARS else "...\n" + text[-ERROR_CHARS:]


def _classify(exc: BaseException) -> str:
    if isinstance(exc, MemoryError) or (isinstance(exc, OSError) and exc.errno == errno.ENOMEM):
        return "memory"
    cause: BaseException | None = exc
    while isinstance(cause, OSError):
        if isinstance(cause, PermissionError):
            return "forbidden"
        cause = cause.__cause__ or cause.__context__
    return "error"


class ToolCallError(RuntimeError):
    """A granted tool was refused or failed; its text says why."""


class OutputRefusedError(Exception):
    """A declared output cannot be taken: `outcome` says which way."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


def _tool_pipe(control: int, replies: int) -> Callable[..., str]:
    """`call_tool(name, **arguments)`: one line out, one line back; threads take turns."""
    lock = _thread.allocate_lock()

    def call_tool(name: str, /, **arguments: object) -> str:
        line = json.dumps({"call": name, "arguments": arguments}, allow_nan=False).encode() + b"\n"
        with lock:
            _send(control, line)
            reply = json.loads(_read_line(replies))
        if not reply["ok"]:
            raise ToolCallError(reply["error"])
        return str(reply["content"])

    return call_tool


def _bound_threads(most: int) -> None:
    """Refuses Python's own threads above that number, for tiers where nobody outside can count them.

    Code that goes around it meets the bound of its address space.
    """

    def bounded(start: Callable[..., Any]) -> Callable[..., Any]:
        def start_bounded(*args: Any, **options: Any) -> Any:
            if _thread._count() >= most:  # noqa: SLF001  # threading's own count leaves out those of others
                raise PermissionError(errno.EPERM, f"no more than {most} threads are allowed")
            return start(*args, **options)

        return start_bounded

    for module in (_thread, sys.modules.get("threading")):
        for name in ("start_new_thread", "start_joinable_thread", "_start_new_thread", "_start_joinable_thread"):
            if module is not None and hasattr(module, name):
                setattr(module, name, bounded(getattr(module, name)))


def _observe() -> list[str]:
    """Notes what is touched from here on. Audit hooks cannot be taken off; the interpreter's own imports pass."""
    touched: list[str] = []
    _watching.append(True)
    quiet = tuple(path for path in (*sys.path, *READABLE) if path.startswith("/"))

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if not _watching or len(touched) >= TOUCHED or not event.startswith(WATCHED):
            return
        first = args[0] if args else ""
        reads = event == "os.listdir" or (event == "open" and args[1] in {"r", "rb", None} and not args[2] & 3)
        if not (reads and isinstance(first, str) and first.startswith(quiet) and ".." not in first):
            touched.append(f"{event} {str(first)[:80]!r}")

    sys.addaudithook(hook)
    return touched


def _take_outputs(scratch: int, names: list[str], most: int) -> dict[str, str]:
    """Declared files that are there, in base64: plain ones in the scratch folder itself, no links."""
    files = {}
    for name in names:
        try:
            opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=scratch)
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise OutputRefusedError("forbidden", f"the output {name!r} is no plain file: {exc.strerror}") from exc
        try:
            found = os.fstat(opened)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                raise OutputRefusedError("forbidden", f"the output {name!r} is no plain file")
            if found.st_size > most:
                raise OutputRefusedError("output", f"the output {name!r} has {found.st_size} bytes, limit {most}")
            files[name] = base64.b64encode(os.read(opened, most)).decode()
        finally:
            os.close(opened)
    return files


def _namespace(name: str, pipe: Callable[..., str] | None) -> dict[str, Any]:
    names = {"__name__": name, "__builtins__": builtins}
    return names if pipe is None else names | {"call_tool": pipe, "ToolCallError": ToolCallError}


def _call_function(source: str, function: str, arguments: dict[str, Any], pipe: Callable[..., str] | None) -> object:
    names = _namespace("tool", pipe)
    exec(compile(source, SOURCE_NAME, "exec", dont_inherit=True), names)  # noqa: S102  # what the jail is for
    target = names.get(function)
    if not callable(target):
        raise NameError(f"the source defines no function {function!r}")  # noqa: TRY004  # that is how Python names it
    value = target(**arguments)
    if isinstance(value, types.CoroutineType):
        value.close()
        raise TypeError(f"{function!r} is an async function; the sandbox calls plain functions")
    return value


def _run_script(source: str, pipe: Callable[..., str] | None) -> object:
    names = _namespace("__main__", pipe)
    tree = ast.parse(source, SOURCE_NAME)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, SOURCE_NAME, "exec", dont_inherit=True), names)  # noqa: S102  # what the jail is for
    if not isinstance(last, ast.Expr):
        return None
    value = eval(compile(ast.Expression(last.value), SOURCE_NAME, "eval", dont_inherit=True), names)  # noqa: S307
    return None if value is None else repr(value)


@contextmanager
def _restored_streams() -> Iterator[None]:
    out, err = sys.stdout, sys.stderr
    yield
    for stream in (out, err):
        with suppress(Exception):
            stream.flush()


def _answer(request: dict[str, Any], pipe: Callable[..., str] | None) -> dict[str, Any]:
    source, output_limit = request["source"], request["limits"]["output_kib"] * 1024
    linecache.cache[SOURCE_NAME] = (len(source), None, source.splitlines(keepends=True), SOURCE_NAME)
    try:
        if request["function"] is None:
            value = _run_script(source, pipe)
        else:
            value = _call_function(source, request["function"], request["arguments"], pipe)
    except BaseException as exc:  # noqa: BLE001  # whatever the code raises is its result
        _watching.clear()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        return {"outcome": _classify(exc), "error": _describe(exc)}
    _watching.clear()
    try:
        size = len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError) as exc:
        return {"outcome": "error", "error": f"the returned value is not JSON: {type(exc).__name__}: {exc}"}
    except MemoryError:
        return {"outcome": "memory", "error": "MemoryError: the returned value does not fit"}
    if size > output_limit:
        return {"outcome": "output", "error": f"the returned value has {size} bytes as JSON, limit {output_limit}"}
    return {"outcome": "ok", "value": value}


def _send(control: int, payload: bytes) -> None:
    view = memoryview(payload)
    while view:
        view = view[os.write(control, view) :]


def _read_request() -> bytes:
    parts = []
    while part := os.read(0, 1 << 16):
        parts.append(part)
        if part.endswith(b"\n"):
            break
    return b"".join(parts)


def _read_line(source: int) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        if not (part := os.read(source, 1 << 16)):
            raise ToolCallError("the server does not answer any more")
        line += part
    return bytes(line)


def main() -> None:
    """Serve one request, then end at once, whatever threads the code has left behind."""
    config = json.loads(sys.argv[1])
    _close_inherited()
    _confine(config)
    _send(2, b"R\n")
    raw = _read_request()
    if not raw:  # the pool was closed, or its process is gone
        os._exit(0)
    control = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, CONTROL_FD)
    os.dup2(1, 2)
    request = json.loads(raw)
    del raw
    pipe = _tool_pipe(control, fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, REPLIES_FD)) if request["tools"] else None
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    _send(control, b"S\n")
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # so that a timeout keeps what was printed
    scratch = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    _limit(request["limits"], own_user=bool(config["uid_base"]))
    if config["counts_threads"]:
        _bound_threads(request["limits"]["processes"])
    touched = _observe() if request["observe"] else []
    with _restored_streams():
        answer = _answer(request, pipe)
    answer["touched"] = list(touched)
    if answer["outcome"] == "ok" and request["outputs"]:
        answer = _with_outputs(answer, scratch, request)
    _send(control, json.dumps(answer, ensure_ascii=False).encode(errors="replace") + b"\n")
    os._exit(0)


def _with_outputs(answer: dict[str, Any], scratch: int, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return answer | {"files": _take_outputs(scratch, request["outputs"], request["file_bytes"])}
    except OutputRefusedError as exc:
        return {"outcome": exc.outcome, "error": str(exc)}


if __name__ == "__main__":
    main()
