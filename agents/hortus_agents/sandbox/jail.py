"""One jailed interpreter: started ahead, serves exactly one request, dies."""

import asyncio
import json
import os
import signal
import subprocess
import time
from contextlib import suppress

from hortus_agents.errors import SandboxError
from hortus_agents.sandbox.contract import DEFAULT_LIMITS, SandboxLimits, SandboxOutcome, SandboxResult
from hortus_agents.sandbox.exchange import CHUNK, Answer, Exchange, JailRequest
from hortus_agents.sandbox.tiers import Launch, Tier, clear_launch
from hortus_agents.sandbox.watch import JailWatch, StoppedCall

START_TIMEOUT_S = 10.0
END_TIMEOUT_S = 5.0
READY = b"R\n"
# bwrap reports the death of its child by a signal as a shell does
SHELL_SIGNAL_BASE = 128


class JailDiedIdleError(SandboxError):
    """The jail ended before it took the request: nothing ran, another one may serve it."""

    code = "sandbox_jail_died_idle"


class Jail:
    """A started interpreter behind its walls. Not reusable, and not for two tasks at once."""

    def __init__(self, tier: Tier, launch: Launch, process: asyncio.subprocess.Process) -> None:
        self._tier = tier
        self._launch = launch
        self._process = process
        self._inner: int | None = None
        self._inner_handle: int | None = None
        self._printed = bytearray()

    @classmethod
    async def start(cls, tier: Tier) -> "Jail":
        """Start one and wait until it has locked itself in.

        Raises:
            SandboxError: It did not come up; the message holds what it said.
            SandboxUnavailableError: A part that the tier needs is missing.
        """
        try:
            launch = tier.prepare()
        except OSError as exc:
            raise SandboxError(f"a jail could not be prepared: {exc}") from exc
        jail = await cls._spawn(tier, launch)
        try:
            await jail.wait_ready()
        except BaseException:
            await jail.close()
            raise
        return jail

    @classmethod
    async def _spawn(cls, tier: Tier, launch: Launch) -> "Jail":
        spawning = asyncio.create_task(
            asyncio.create_subprocess_exec(
                *launch.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(launch.environment),
                cwd=launch.scratch or "/",
                pass_fds=launch.inherited,
                start_new_session=True,
            )
        )
        try:
            # Cancelled in the midst of it, asyncio would kill bwrap alone and leave its half-made child.
            process = await asyncio.shield(spawning)
        except asyncio.CancelledError:
            await asyncio.wait([spawning])
            if spawning.cancelled() or spawning.exception() is not None:
                clear_launch(launch)
            else:
                await cls(tier, launch, spawning.result()).close()
            raise
        except OSError as exc:
            clear_launch(launch)
            raise SandboxError(f"{launch.argv[0]} could not be started: {exc}") from exc
        finally:
            for descriptor in launch.inherited:
                os.close(descriptor)
        return cls(tier, launch, process)

    @property
    def alive(self) -> bool:
        """Whether the jail is still there to take a request."""
        return self._process.returncode is None

    async def wait_ready(self) -> None:
        """Wait until the interpreter has locked itself in; `start` has done so already.

        Raises:
            SandboxError: It did not, or not in time.
        """
        assert self._process.stderr is not None  # noqa: S101  # a pipe by construction
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                said = await self._process.stderr.readline()
                if said != READY:
                    said += await self._process.stderr.read(CHUNK)
        except TimeoutError as exc:
            raise SandboxError(f"the jail was not ready within {START_TIMEOUT_S:g} s") from exc
        if said != READY:
            raise SandboxError("the jail did not come up: " + said.decode(errors="replace").strip()[-1000:])
        self._find_inner()
        self._check_watched()

    def _check_watched(self) -> None:
        """What only the parent bounds has to be seen from here: a host may forbid that."""
        if self._launch.has_host_threads:
            try:
                seen = self._watch(DEFAULT_LIMITS).look()
            except StoppedCall as exc:
                raise SandboxError(exc.reason) from exc
            if not seen:
                raise SandboxError("the jail and its scratch folder are not seen in /proc")

    def _find_inner(self) -> None:
        """Learn from bwrap, once it says so, which process it has put into the namespaces."""
        if self._launch.info is None or self._inner is not None:
            return
        with suppress(BlockingIOError, ValueError):
            self._inner = int(json.loads(os.read(self._launch.info, CHUNK))["child-pid"])
            with suppress(OSError):  # gone already, or a host that refuses pidfds: bwrap is killed then
                self._inner_handle = os.pidfd_open(self._inner)

    async def serve(self, request: JailRequest) -> SandboxResult:
        """Hand over the request and wait for the end of the jail, one way or another.

        Raises:
            JailDiedIdleError: The jail was dead before it took the request.
        """
        limits, exchange = request.limits, Exchange(request)
        started = time.perf_counter()
        answer: Answer | None = None
        try:
            async with asyncio.timeout(limits.wall_s):
                await self._exchange(request, exchange)
        except TimeoutError:
            answer = Answer(SandboxOutcome.TIMEOUT, error=f"stopped after {limits.wall_s:g} s")
        except StoppedCall as exc:
            answer = Answer(exc.outcome, error=exc.reason)
        finally:
            duration_ms = (time.perf_counter() - started) * 1000
            await self.close()
        answer = answer or self._read_answer(exchange, limits, duration_ms)
        is_ok = answer.outcome is SandboxOutcome.OK
        return SandboxResult(
            outcome=answer.outcome,
            value=answer.value if is_ok else None,
            stdout=self._printed[: limits.output_kib * 1024].decode(errors="replace"),
            error=answer.error,
            duration_ms=duration_ms,
            tier=self._tier.name,
            files=(answer.files or {}) if is_ok else {},
            touched=answer.touched,
        )

    async def _exchange(self, request: JailRequest, exchange: Exchange) -> None:
        process = self._process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018
        process.stdin.write(request.line)
        if request.extras.answer_tool is None:
            process.stdin.close()
        limit = request.limits.output_kib * 1024
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watched(request.limits))
                printed = group.create_task(_collect(process.stdout, self._printed, limit, "stdout"))
                answered = group.create_task(exchange.follow(process.stderr, process.stdin))
                await printed
                await answered
                watch.cancel()
        except ExceptionGroup as group_error:
            if stopped := group_error.subgroup(StoppedCall):
                raise stopped.exceptions[0] from None
            raise
        await process.wait()

    async def _watched(self, limits: SandboxLimits) -> None:
        if self._launch.has_host_threads:
            await self._watch(limits).run()

    def _watch(self, limits: SandboxLimits) -> JailWatch:
        launch = self._launch
        return JailWatch(self._inner or self._process.pid, limits, scratch=launch.scratch, mounted=launch.mounted)

    def _read_answer(self, exchange: Exchange, limits: SandboxLimits, duration_ms: float) -> Answer:
        if not exchange.started:
            raise JailDiedIdleError(f"the jail was gone before the request (status {self._process.returncode})")
        if not exchange.answered:
            outcome, reason = self._read_status(limits, duration_ms)
            return Answer(outcome, error=reason)
        return exchange.read_answer()

    def _read_status(self, limits: SandboxLimits, duration_ms: float) -> tuple[SandboxOutcome, str]:
        status = self._process.returncode or 0
        number = -status if status < 0 else status - SHELL_SIGNAL_BASE if status > SHELL_SIGNAL_BASE else 0
        # The first process of a namespace is spared SIGXCPU; a second later the kernel sends it SIGKILL.
        had_time = duration_ms / 1000 * (os.cpu_count() or 1) >= limits.cpu_s
        if number == signal.SIGXCPU or (number == signal.SIGKILL and had_time):
            return SandboxOutcome.TIMEOUT, f"stopped after {limits.cpu_s} s of CPU time"
        if number == signal.SIGSYS:
            return SandboxOutcome.FORBIDDEN, "killed by the kernel for a forbidden system call"
        if number in signal.valid_signals():
            return SandboxOutcome.CRASH, f"killed by {signal.Signals(number).name}"
        return SandboxOutcome.CRASH, f"the interpreter ended without a result, status {status}"

    def kill(self) -> None:
        """Kill all of it now; `close` waits for the end."""
        self._find_inner()
        # The interpreter rather than bwrap: bwrap then reaps it, and no orphan is left to init.
        if self._inner_handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._inner_handle, signal.SIGKILL)
        elif self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Kill what is left, wait for its end and release descriptors and scratch files."""
        try:
            if self._process.stdin is not None:
                self._process.stdin.close()  # a jail that escapes the kill while it starts ends by itself
            if self._process.returncode is None:
                self.kill()
                try:
                    async with asyncio.timeout(END_TIMEOUT_S):
                        await self._drain()
                        await self._process.wait()
                except TimeoutError:
                    self._process.kill()
                await self._end_elsewhere()
        finally:
            await self._release()

    async def _end_elsewhere(self) -> None:
        """End what the launcher has started outside our process group."""
        if not self._launch.ending:
            return
        ending = await asyncio.create_subprocess_exec(
            *self._launch.ending,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(self._launch.environment),
        )
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await ending.wait()
        except TimeoutError:
            ending.kill()

    async def _drain(self) -> None:
        # asyncio reports the end of a process only after that of its pipes, and a full one is not read on.
        for stream in (self._process.stdout, self._process.stderr):
            while stream is not None and await stream.read(CHUNK):
                pass

    async def _release(self) -> None:
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  # asyncio has no other way
        if self._inner_handle is not None:
            os.close(self._inner_handle)
            self._inner_handle = None
        # Thousands of folders, if that is what the code has made: some disks take seconds.
        await asyncio.to_thread(clear_launch, self._launch)


async def _collect(stream: asyncio.StreamReader, into: bytearray, most: int, what: str) -> None:
    while chunk := await stream.read(CHUNK):
        into += chunk
        if len(into) > most:
            raise StoppedCall(SandboxOutcome.OUTPUT, f"more than {most} bytes of {what}")
