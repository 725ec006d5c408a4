"""Worker and api processes that are killed in the middle of whatever they do, and are back at once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGKILL, Signals

from zygote import Forked, warm

Ready = Callable[["WarmChild"], bool]


class WarmChild:
    """What a `Child` of a stack is, without any waiting."""

    def __init__(
        self, name: str, kind: str, *, env: Mapping[str, str], folder: Path, ready: Ready, url: str = ""
    ) -> None:
        self.name = name
        self.url = url
        self.log = folder / f"{name}.log"
        self.env = dict(env)
        self.ready = ready
        self._kind = kind
        self._process: Forked | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """Process id of the present start."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def text(self) -> str:
        """What the present start has logged."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def start(self) -> "WarmChild":
        """Start; does not wait until it is ready."""
        assert not self.alive, f"{self.name} runs already"
        self.log.touch()
        self._log_start = self.log.stat().st_size
        self._process = warm().fork(self._kind, self.env, self.log)
        return self

    def signal(self, which: Signals) -> None:
        """Send a signal, if it still runs."""
        if self._process is not None:
            self._process.send_signal(which)

    def kill(self) -> int:
        """SIGKILL, as the stack asks for at its end."""
        self.signal(SIGKILL)
        return -SIGKILL
