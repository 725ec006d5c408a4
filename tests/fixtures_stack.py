"""A whole Hortus for tests: real api, worker and beat processes over real services, and the scripted model.

`stack` is one that tests share: two api processes, two workers, beat. They use agents and sessions of their own and
leave every process running. A test that breaks things opens its own with `open_stack`, or the fixture `own_stack`.
`HORTUS_TEST_DATABASE_URL`, `HORTUS_TEST_BROKER_URL` and `HORTUS_TEST_QDRANT_URL` take existing servers; those cannot be
broken, so `postgres`, `valkey` and `qdrant` are None then.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fixtures_postgres import PostgresServer, create_database, drop_database, settings_for
from fixtures_valkey import ValkeyServer
from stack_parts import TAIL, Child, ScriptedModelControl, Spawner, answers, free_port, logged, until

from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.sealing import new_key
from hortus_server.cli.bootstrap import prepare_database

HORTUS = (sys.executable, "-m", "hortus_server.cli")
PROCESS = (sys.executable, "-m", "hortus_server.cli.process")  # what `hortus api`, `worker` and `beat` turn into
SCRIPTED_MODEL = """
import sys
from pathlib import Path
from hortus_agents.models.scripted import run_scripted_model
run_scripted_model(Path(sys.argv[1]), port=int(sys.argv[2]))
"""
QDRANT_ENGINE = "hortus_server.adapters.embedded.qdrant_engine"
ANSWER = "Done."
DESK = "desk"  # the folder, beside the shared stack's home, in which the tools of bench.security_tools write
TIMEOUT_S = 600  # of a test that may be the one for which a stack starts
LEASE_S = 2.0
FAST: Mapping[str, str] = {  # a lost worker is noticed within seconds, so that tests are
    "HORTUS_WORKER_LEASE_S": str(LEASE_S),
    "HORTUS_WORKER_REAPER_S": "0.5",
    "HORTUS_WORKER_HEARTBEAT_S": "0.1",
    "HORTUS_WORKER_DRAIN_S": "5",
    "HORTUS_WORKER_CONCURRENCY": "50",
    "HORTUS_DATABASE_POOL_SIZE": "8",
    "HORTUS_API_HEARTBEAT_S": "1",
    "HORTUS_API_SHUTDOWN_S": "3",
}
TERMINAL = frozenset({"succeeded", "failed", "cancelled", "budget_exhausted"})
PLAIN_SPEC: Mapping[str, Any] = {
    "tools": [],
    "memory": {"recall": False, "remember": False},
    "evolution": {"reuse": False, "create": False},
}


@dataclass
class Stack:
    """What runs, where it is, and how to speak to it; everything here is synchronous.

    `url` and `key` are all that a client needs; `env` is what a `hortus` command or another process of the same stack
    needs. `settings` for one process go to `add_api` and `add_worker`.
    """

    folder: Path
    env: Mapping[str, str]
    key: str
    model: ScriptedModelControl
    model_process: Child
    postgres: PostgresServer | None
    valkey: ValkeyServer | None
    qdrant: Child | None
    spawner: Spawner
    apis: list[Child] = field(default_factory=list)
    workers: list[Child] = field(default_factory=list)
    beats: list[Child] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Address of the first api process."""
        return self.apis[0].url

    @property
    def database_url(self) -> str:
        """Address of this stack's own database."""
        return self.env["HORTUS_DATABASE_URL"]

    # -- processes ---------------------------------------------------------------------------------------------------

    def add_api(self, *, wait: bool = True, **settings: str) -> Child:
        """Start another api process on a port of its own."""
        port = free_port()
        child = self._child(
            f"api-{len(self.apis) + 1}",
            "api",
            ready=answers("/readyz"),
            url=f"http://127.0.0.1:{port}",
            settings={**settings, "HORTUS_API_PORT": str(port)},
        )
        self.apis.append(child.start(wait=wait))
        return child

    def add_worker(self, *, wait: bool = True, **settings: str) -> Child:
        """Start another worker; ready means that it consumes."""
        child = self._child(f"worker-{len(self.workers) + 1}", "worker", ready=logged("ready."), settings=settings)
        self.workers.append(child.start(wait=wait))
        return child

    def add_beat(self) -> Child:
        """Start another beat."""
        child = self._child(f"beat-{len(self.beats) + 1}", "beat", ready=lambda beat: beat.alive, settings={})
        self.beats.append(child.start())
        return child

    def worker_of(self, worker_id: str) -> Child:
        """The process behind a run's `worker_id`."""
        pid = int(worker_id.split("-")[1])  # a list of the workers leaves out one that is slow to answer
        return next(worker for worker in self.workers if worker.pid == pid)

    def restart_postgres(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End PostgreSQL (SIGQUIT: at once, as a crash does; SIGINT: orderly) and start it again."""
        assert self.postgres is not None, "HORTUS_TEST_DATABASE_URL is not ours to restart"
        self.postgres.stop(how)
        self.spawner.call(self.postgres.start)

    def wipe_valkey(self) -> None:
        """Kill Valkey and start it empty."""
        assert self.valkey is not None, "HORTUS_TEST_BROKER_URL is not ours to restart"
        self.valkey.stop()
        self.spawner.call(self.valkey.start)

    def command(self, *arguments: str, timeout_s: float = 60.0) -> "subprocess.CompletedProcess[str]":
        """Run a `hortus` command against this stack; its output is captured, its status not judged."""
        env = {**self.env, "HORTUS_URL": self.url if self.apis else "", "HORTUS_API_KEY": self.key}
        return subprocess.run(
            [*HORTUS, *arguments], env=env, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def logs(self) -> str:
        """The end of every process's log, for a failure's message."""
        children = [*self.apis, *self.workers, *self.beats, self.model_process]
        return "\n".join(f"--- {child.name}\n{child.text()[-TAIL:]}" for child in children)

    def _child(
        self, name: str, kind: str, *, ready: Callable[[Child], bool], settings: Mapping[str, str], url: str = ""
    ) -> Child:
        return Child(
            name,
            (*PROCESS, kind),
            env={**self.env, **settings},
            folder=self.folder,
            spawner=self.spawner,
            ready=ready,
            url=url,
            kind=kind,
        )

    # -- clients -----------------------------------------------------------------------------------------------------

    def headers(self) -> dict[str, str]:
        """The admin key as a request header."""
        return {"Authorization": f"Bearer {self.key}"}

    def client(self, api: int = 0) -> httpx.Client:
        """An HTTP client of one api process; close it."""
        return httpx.Client(base_url=self.apis[api].url, headers=self.headers(), timeout=30, trust_env=False)

    def socket_url(self, session_id: str, *, after: int = 0, api: int = 0) -> str:
        """Address of a session's WebSocket; it wants `headers()`."""
        return f"{self.apis[api].url.replace('http', 'ws', 1)}/v1/sessions/{session_id}/stream?after={after}"

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to a GET of the first api process; fails on an error."""
        with self.client() as http:
            answer = http.get(path, params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer to a POST; fails on an error."""
        with self.client() as http:
            answer = http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def make_agent(self, name: str | None = None, **spec: Any) -> str:
        """Define an agent without tools and memory, but for what `spec` says; its name."""
        name = name or f"agent-{uuid4().hex[:12]}"
        self.post("/v1/agents", {"name": name, "spec": {**PLAIN_SPEC, **spec}})
        return name

    def submit(self, agent: str, text: str = "hello", *, session_id: str | None = None) -> dict[str, Any]:
        """Submit a run; the run as accepted."""
        place = {"session_id": session_id} if session_id else {}
        run: dict[str, Any] = self.post("/v1/runs", {"agent": agent, "input": text, **place})
        return run

    def ended(self, run: Mapping[str, Any], *, within_s: float = 60.0) -> dict[str, Any]:
        """Wait for the run's end; the run as it ended."""
        found: dict[str, Any] = {}

        def over() -> bool:
            found.update(self.get(f"/v1/runs/{run['id']}/wait", timeout_s=1))
            return found["status"] in TERMINAL

        until(over, within_s=within_s, why=lambda: f"run is {found.get('status')}\n{self.logs()}")
        return found

    def events(self, session_id: str) -> list[dict[str, Any]]:
        """A session's whole log."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/v1/sessions/{session_id}/events", after=found[-1]["seq"] if found else 0, limit=500)
            if not page["items"]:
                return found
            found += page["items"]


@contextmanager
def open_stack(
    folder: Path, *, apis: int = 1, workers: int = 1, beats: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[Stack]:
    """Start everything in `folder`, yield it ready, stop all of it.

    As after `hortus up`, there is an agent `gardener` and the admin key lies in the home. The model answers `ANSWER`
    until told otherwise.
    """
    with ExitStack() as exits:
        spawner = Spawner()
        exits.callback(spawner.close)
        env = {**{name: value for name, value in os.environ.items() if not name.startswith("HORTUS_")}, **FAST}
        env |= {"HORTUS_MODE": "embedded", "HORTUS_HOME": str(folder / "home"), "HORTUS_EMBEDDING_KIND": "hash"}
        env |= {"HORTUS_SECRETS_KEY": new_key()}
        env |= {"HORTUS_LOG_FORMAT": "json", "HORTUS_LOG_LEVEL": "info", "HORTUS_API_COOKIE_SECRET": uuid4().hex}
        postgres = _open_database(env, exits)
        valkey = _open_broker(env, folder, exits)
        qdrant = _open_qdrant(env, folder, spawner, exits)
        model = _open_model(env, folder, spawner, exits)
        home = HortusHome.locate(env)
        home.create()
        key = asyncio.run(prepare_database(env, home))
        assert key is not None
        control = ScriptedModelControl(model.url)
        exits.callback(control.close)
        stack = Stack(folder, {**env, **(settings or {})}, key, control, model, postgres, valkey, qdrant, spawner)
        exits.callback(_stop_processes, stack)
        for _ in range(apis):
            stack.add_api(wait=False)
        for _ in range(workers):
            stack.add_worker(wait=False)
        for _ in range(beats):
            stack.add_beat()
        for child in (*stack.apis, *stack.workers):
            child.wait_ready()
        yield stack


def _open_database(env: dict[str, str], exits: ExitStack) -> PostgresServer | None:
    server = None
    url = os.environ.get("HORTUS_TEST_DATABASE_URL")
    if not url:
        server = PostgresServer()
        exits.callback(server.remove)
        server.create()
        server.start()
        url = server.url
    name = f"hortus_stack_{uuid4().hex[:12]}"
    create_database(url, name)
    if server is None:
        exits.callback(drop_database, url, name)
    env["HORTUS_DATABASE_URL"] = settings_for(url, name).url.get_secret_value()
    return server


def _open_broker(env: dict[str, str], folder: Path, exits: ExitStack) -> ValkeyServer | None:
    if given := os.environ.get("HORTUS_TEST_BROKER_URL"):
        env["HORTUS_BROKER_URL"] = given
        return None
    place = folder / "valkey"
    place.mkdir()
    server = ValkeyServer(place)
    exits.callback(server.stop)
    server.start()
    env["HORTUS_BROKER_URL"] = server.url
    return server


def _open_qdrant(env: dict[str, str], folder: Path, spawner: Spawner, exits: ExitStack) -> Child | None:
    if given := os.environ.get("HORTUS_TEST_QDRANT_URL"):
        env["HORTUS_QDRANT_URL"] = given
        env["HORTUS_QDRANT_API_KEY"] = os.environ.get("HORTUS_TEST_QDRANT_API_KEY", "")
        return None
    port = free_port()
    argv = (sys.executable, "-m", QDRANT_ENGINE, "--path", str(folder / "qdrant"), "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    child = Child("qdrant", argv, env=env, folder=folder, spawner=spawner, ready=answers("/readyz"), url=url)
    exits.callback(child.kill)
    env["HORTUS_QDRANT_URL"] = url
    return child.start()


def _open_model(env: dict[str, str], folder: Path, spawner: Spawner, exits: ExitStack) -> Child:
    port = free_port()
    script = folder / "script.json"
    script.write_text(json.dumps({"default": {"json": {"answer": ANSWER}}}), encoding="utf-8")
    argv = (sys.executable, "-c", SCRIPTED_MODEL, str(script), str(port))
    url = f"http://127.0.0.1:{port}"
    child = Child("model", argv, env=env, folder=folder, spawner=spawner, ready=answers("/health"), url=url)
    exits.callback(child.kill)
    env["HORTUS_MODEL_URL"] = f"{url}/v1"
    return child.start()


def _stop_processes(stack: Stack) -> None:
    for child in (*stack.beats, *stack.workers, *stack.apis):
        child.kill()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starting a stack counts as part of the first test that wants it; on a busy machine that takes its time."""
    for item in items:
        if {"stack", "own_stack"} & set(getattr(item, "fixturenames", ())) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two api processes, two workers, beat; shared by all tests of this process, so leave it as it was.

    Its workers have the tools of `bench.security_tools`, may fetch pages from the loopback interface, and tell webhooks
    there.
    """
    folder = tmp_path_factory.mktemp("stack")
    settings = {
        "HORTUS_WORKER_PLUGINS": '["bench.security_tools:tools"]',
        "HORTUS_SANDBOX_HTTP_ALLOW_PRIVATE": '["127.0.0.0/8"]',
        "HORTUS_WEBHOOKS_ALLOW_PRIVATE": '["127.0.0.0/8"]',
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "SECURITY_DESK": str(folder / DESK),
    }
    with open_stack(folder, apis=2, workers=2, settings=settings) as opened:
        yield opened


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Opens stacks of the test's own, to be broken: `own_stack(apis=1, workers=2, settings={...})`."""
    with ExitStack() as exits:
        yield lambda **options: exits.enter_context(
            open_stack(Path(exits.enter_context(_subfolder(tmp_path))), **options)
        )


@contextmanager
def _subfolder(folder: Path) -> Iterator[Path]:
    made = folder / f"stack-{uuid4().hex[:6]}"
    made.mkdir()
    yield made
