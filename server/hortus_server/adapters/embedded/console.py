import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from hortus_server.adapters.embedded.component import ComponentStatus, Display, Transfer

COLOURS = ("cyan", "magenta", "blue", "yellow", "green", "bright_cyan", "bright_magenta", "bright_blue")
STATUS_STYLES = {"ready": "bold green", "failed": "bold red", "restarting": "yellow", "unhealthy": "yellow"}
NAME_WIDTH = 10
TRANSFER_LINE_INTERVAL_S = 5.0


class TerminalDisplay:
    """Prefixed, coloured lines with a progress bar below them; a context manager."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._colours: dict[str, str] = {}
        self._tasks: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def _prefix(self, component: str) -> Text:
        colour = self._colours.setdefault(component, COLOURS[len(self._colours) % len(COLOURS)])
        return Text(f"{component:<{NAME_WIDTH}} | ", style=colour)

    def _print(self, text: Text) -> None:
        # A closed terminal must not take the components down with an error here.
        with suppress(OSError):
            self._console.print(text, soft_wrap=True)

    def show_line(self, component: str, line: str) -> None:
        """Print one line behind its component's name."""
        # from_ansi keeps the child's colours and drops what would move the cursor.
        self._print(self._prefix(component) + Text.from_ansi(line))

    def show_status(self, component: str, status: ComponentStatus, detail: str) -> None:
        """Print a state change."""
        text = self._prefix(component) + Text(status, style=STATUS_STYLES.get(status, "dim"))
        self._print(text + Text(f" {detail}" if detail else "", style="dim"))

    def show_transfer(self, transfer: Transfer) -> None:
        """Move the bar of this transfer; it disappears when it is complete."""
        if transfer.name not in self._tasks:
            if transfer.done_bytes >= transfer.total_bytes:
                return
            self._tasks[transfer.name] = self._progress.add_task(transfer.name, total=transfer.total_bytes)
            self._progress.start()
        task = self._tasks[transfer.name]
        self._progress.update(task, completed=transfer.done_bytes)
        if transfer.done_bytes >= transfer.total_bytes:
            self._progress.remove_task(task)
            del self._tasks[transfer.name]
            if not self._tasks:
                self._progress.stop()


class JsonDisplay:
    """One JSON object a line, for logs that machines read; transfers at most every five seconds each."""

    def __init__(self, out: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out or sys.stdout
        self._clock = clock
        self._last_shown: dict[str, float] = {}

    def _write(self, event: str, component: str, **fields: object) -> None:
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "event": event,
            "component": component,
        }
        try:
            self._out.write(json.dumps({**entry, **fields}, ensure_ascii=False) + "\n")
            self._out.flush()
        except (OSError, ValueError):
            # Whoever read our output is gone; the components must not die of it.
            return

    def show_line(self, component: str, line: str) -> None:
        """Write a component's line."""
        self._write("line", component, line=line)

    def show_status(self, component: str, status: ComponentStatus, detail: str) -> None:
        """Write a state change."""
        self._write("status", component, status=status, detail=detail)

    def show_transfer(self, transfer: Transfer) -> None:
        """Write how far a transfer is."""
        now = self._clock()
        complete = transfer.done_bytes >= transfer.total_bytes
        last = self._last_shown.get(transfer.name)
        if not complete and last is not None and now - last < TRANSFER_LINE_INTERVAL_S:
            return
        if complete and last is None:
            return
        self._last_shown[transfer.name] = now
        if complete:
            del self._last_shown[transfer.name]
        self._write(
            "transfer",
            "weights",
            name=transfer.name,
            done_bytes=transfer.done_bytes,
            total_bytes=transfer.total_bytes,
        )


class QuietDisplay:
    """Shows state changes of another display, but not the lines that components print."""

    def __init__(self, inner: Display) -> None:
        self._inner = inner

    def show_line(self, component: str, line: str) -> None:
        """Keep the line to the component's log file, unless it has none."""
        if component in {"weights", "supervisor"}:
            self._inner.show_line(component, line)

    def show_status(self, component: str, status: ComponentStatus, detail: str) -> None:
        """Pass on."""
        self._inner.show_status(component, status, detail)

    def show_transfer(self, transfer: Transfer) -> None:
        """Pass on."""
        self._inner.show_transfer(transfer)
