"""`docker compose up` without a Docker engine: the compose file's commands, environment, order and health checks."""

import json
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg
import pytest
from compose_containers import Container, Image, link_programs, namespaces_work, on_this_machine
from compose_file import COMPOSE_FILE, SECRETS, header_commands, load_compose, start_order
from fixtures_postgres import PostgresServer
from psycopg import sql
from stack_parts import free_port, until

from hortus_server.adapters.embedded.binaries import valkey_binary
from hortus_server.adapters.embedded.weights.catalogue import EMBEDDING_MODEL

OURS = ("api", "worker", "beat", "migrate")
SMALLEST = "smollm2-135m"  # proves the plumbing; what it says does not matter
ANSWER = "Ninety-nine."
SCRIPT = {
    "rules": [
        {
            "when": {"user": "jail", "turn": 0},
            "reply": {"json": {"tool": "python", "arguments": {"code": "print(6 * 7)"}}},
        }
    ],
    "default": {"json": {"answer": ANSWER}},
}
MODELS = Path(os.environ.get("HORTUS_MODELS_DIR", Path.home() / ".cache" / "hortus" / "models"))
START_S = 900

pytestmark = [
    pytest.mark.timeout(START_S),
    pytest.mark.skipif(not namespaces_work(), reason="this machine refuses the namespaces that stand for containers"),
]


@dataclass
class Pod:
    """Everything that the compose file starts, but for the model's server."""

    folder: Path
    image: Image
    services: dict[str, Any]
    values: dict[str, str]
    ports: dict[str, int]
    containers: dict[str, Container] = field(default_factory=dict)

    def container(self, service: str, name: str | None = None, **options: Any) -> Container:
        name = name or service
        made = Container(name, self.services[service], self.image, self.folder, **options)
        self.containers[name] = made
        return made

    def first_key(self) -> str:
        """By the very command that the compose file's comment tells."""
        (line,) = [line for line in header_commands(COMPOSE_FILE.read_text(encoding="utf-8")) if " run --rm " in line]
        service, *command = shlex.split(line.split(" run --rm ", 1)[1])
        return Container("first-key", self.services[service], self.image, self.folder).run(command).strip()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    command = [sys.executable, "-m", "hortus_server.cli", "weights", "fetch", EMBEDDING_MODEL]  # as the Dockerfile does
    environment = {**os.environ, "HORTUS_HOME": str(folder / "home"), "HORTUS_MODELS_DIR": str(MODELS)}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=START_S)
    built = Image(folder, MODELS)
    (folder / "models").mkdir()
    built.build()
    return built


@pytest.fixture(scope="module")
def pod(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    folder = tmp_path_factory.mktemp("pod")
    ports = {number: free_port() for number in ("5432", "6379", "6333", "8000", "8420", "9464")}
    values = {**{name: token_hex(32) for name in SECRETS}, "COMPOSE_PROFILES": "cpu"}
    text = on_this_machine(COMPOSE_FILE.read_text(encoding="utf-8"), ports)
    made = Pod(folder, image, load_compose(text, values)["services"], values, ports)
    with ExitStack() as exits:
        exits.callback(lambda: [container.kill() for container in reversed(made.containers.values())])
        _start_postgres(made, exits)
        _start_scripted_model(made)
        for service in start_order(made.services, {*OURS, "postgres", "valkey", "qdrant"}):
            _await_conditions(made, service)
            _start(made, service)
        yield made


def _start(pod: Pod, service: str) -> None:
    match service:
        case "postgres":
            pass  # runs, outside of a container; its health check is asked like any other
        case "valkey":
            kept = pod.folder / "valkey"
            kept.mkdir()
            programs = link_programs(pod.folder / "valkey-programs", {"valkey-server": valkey_binary()})
            pod.container("valkey", programs=programs, volumes={"/mnt": kept}, workdir="/mnt").start()
        case "qdrant":
            kept = pod.folder / "qdrant"
            kept.mkdir()
            key = pod.folder / "qdrant-key"
            key.write_text(pod.services["qdrant"]["environment"]["QDRANT__SERVICE__API_KEY"])
            engine = ("python", "-m", "hortus_server.adapters.embedded.qdrant_engine", "--path", "/mnt/store")
            address = ("--port", str(pod.ports["6333"]), "--api-key-file", str(key))
            pod.container("qdrant", volumes={"/mnt": kept, str(key): key}).start((*engine, *address))
        case "worker":
            for number in range(1, pod.services["worker"]["deploy"]["replicas"] + 1):
                # Containers have an address each, these processes share one.
                metrics = {"HORTUS_WORKER_METRICS_PORT": str(free_port())} if number > 1 else {}
                pod.container("worker", f"worker-{number}", environment=metrics).start()
        case _:
            pod.container(service).start()


def _await_conditions(pod: Pod, service: str) -> None:
    for needed, state in (pod.services[service].get("depends_on") or {}).items():
        container = pod.containers[needed]
        if state["condition"] == "service_completed_successfully":
            container.wait_completed()
        elif needed == "valkey":
            # Its own check needs valkey-cli, which the wheel does not bring.
            until(lambda: _accepts(pod.ports["6379"]), why=container.log)
        else:
            container.wait_healthy()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _start_postgres(pod: Pod, exits: ExitStack) -> None:
    """The embedded binaries, with the user and the database that the image makes from its environment."""
    given = pod.services["postgres"]["environment"]
    server = PostgresServer()
    server.port = pod.ports["5432"]
    exits.callback(server.remove)
    server.create()
    server.start()
    role, password = sql.Identifier(given["POSTGRES_USER"]), sql.Literal(given["POSTGRES_PASSWORD"])
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(role, password))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(given["POSTGRES_DB"]), role))
    programs = link_programs(pod.folder / "postgres-programs", {"pg_isready": server.binaries / "pg_isready"})
    holder = pod.container("postgres", programs=programs)
    holder.start(["sleep", str(START_S)])  # `alive` for the health check


def _start_scripted_model(pod: Pod) -> None:
    (pod.folder / "script.json").write_text(json.dumps(SCRIPT), encoding="utf-8")
    volumes = {"/mnt": pod.folder}
    command = ["hortus", "scripted-model", "/mnt/script.json", "--port", str(pod.ports["8000"])]
    pod.container("model-cpu", "model", volumes=volumes).start(command)


def _events(pod: Pod, session_id: str) -> list[dict[str, Any]]:
    url = pod.services["migrate"]["environment"]["HORTUS_DATABASE_URL"]
    with psycopg.connect(url) as connection:
        query = "SELECT type, payload FROM events WHERE session_id = %s ORDER BY seq"
        return [{"type": row[0], "payload": row[1]} for row in connection.execute(query, (session_id,))]


@pytest.mark.parametrize("name", ["postgres", "qdrant", "model", "api", "worker-1", "worker-2"])
def test_the_health_check_passes(pod: Pod, name: str) -> None:
    pod.containers[name].wait_healthy()


def test_a_workers_health_is_its_own(pod: Pod) -> None:
    pod.containers["worker-1"].wait_healthy()
    stranger = Container("worker-3", pod.services["worker"], pod.image, pod.folder)
    assert not stranger.is_healthy()


def test_the_code_is_the_wheels(pod: Pod) -> None:
    found = pod.containers["api"].run(["python", "-c", "import hortus_server; print(hortus_server.__file__)"])
    assert found.startswith("/opt/hortus/venv/")


def test_a_run_goes_the_whole_way(pod: Pod) -> None:
    api, key = pod.containers["api"], pod.first_key()
    api.wait_healthy()
    api.run(["hortus", "agent", "create", "clerk"], HORTUS_API_KEY=key)
    told = json.loads(api.run(["hortus", "run", "start", "clerk", "How many?", "--json"], HORTUS_API_KEY=key))
    assert told["run"]["status"] == "succeeded"
    assert told["answer"] == ANSWER
    types = [event["type"] for event in _events(pod, told["run"]["session_id"])]
    assert types[:3] == ["session.created", "message.created", "run.queued"]


def test_code_runs_under_landlock_where_namespaces_are_refused(pod: Pod) -> None:
    api, key = pod.containers["api"], pod.first_key()
    api.wait_healthy()
    spec = pod.folder / "coder.json"
    spec.write_text(json.dumps({"tools": ["python"]}), encoding="utf-8")
    with_spec = Container("client", api.service, pod.image, pod.folder, volumes={"/mnt": pod.folder})
    with_spec.run(["hortus", "agent", "create", "coder", "--spec", "/mnt/coder.json"], HORTUS_API_KEY=key)
    told = json.loads(api.run(["hortus", "run", "start", "coder", "use the jail", "--json"], HORTUS_API_KEY=key))
    events = _events(pod, told["run"]["session_id"])
    (finished,) = [event["payload"] for event in events if event["type"] == "tool.finished"]
    assert (finished["outcome"], finished["content"], finished["tier"]) == ("ok", "42", "landlock"), finished
    assert told["run"]["status"] == "succeeded"


def test_only_the_temporary_folder_can_be_written(pod: Pod) -> None:
    worker = pod.containers["worker-1"]
    assert worker.attempt(["touch", "/tmp/x"])[0] == 0  # noqa: S108 - the container's own
    for place in ("/opt/hortus/x", "/var/lib/hortus/x", "/usr/x", "/x"):
        assert worker.attempt(["touch", place])[0] != 0, place


def test_metrics_are_where_prometheus_looks(pod: Pod) -> None:
    fetch = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"
    for name, port in (("api", "8420"), ("worker-1", "9464")):
        container = pod.containers[name]
        container.wait_healthy()
        url = f"http://127.0.0.1:{pod.ports[port]}/metrics"
        assert "hortus_" in container.run(["python", "-c", fetch, url])


@pytest.mark.realmodel
def test_the_cpu_models_server_starts_and_wants_its_key(pod: Pod) -> None:
    environment = {"HORTUS_EMBEDDED_MODEL": SMALLEST}
    kept = pod.folder / "model-volume"
    kept.mkdir()
    volumes = {"/var/lib/hortus": kept, "/var/lib/hortus/models": MODELS}
    port = free_port()
    text = on_this_machine(COMPOSE_FILE.read_text(encoding="utf-8"), {**pod.ports, "8000": port})
    service = load_compose(text, pod.values)["services"]["model-cpu"]
    server = Container("model-cpu", service, pod.image, pod.folder, environment=environment, volumes=volumes)
    pod.containers["model-cpu"] = server.start()
    server.wait_healthy()
    ask = (
        "import json, sys, urllib.request as u\n"
        "body = {'model': sys.argv[2], 'messages': [{'role': 'user', 'content': 'Hi'}], 'max_tokens': 2}\n"
        "headers = {'Content-Type': 'application/json', 'Authorization': 'Bearer ' + sys.argv[3]}\n"
        "url = sys.argv[1] + '/chat/completions'\n"
        "print(u.urlopen(u.Request(url, json.dumps(body).encode(), headers), timeout=60).status)\n"
    )
    api = pod.services["api"]["environment"]
    address = f"http://127.0.0.1:{port}/v1"
    asked = ["python", "-c", ask, address, api["HORTUS_MODEL_NAME"]]
    client = Container("client", pod.services["api"], pod.image, pod.folder)
    assert client.run([*asked, api["HORTUS_MODEL_API_KEY"]]).strip() == "200"
    status, refusal = client.attempt([*asked, "another"])
    assert status != 0
    assert "401" in refusal
    server.kill()


def test_everything_ends_in_time(pod: Pod) -> None:
    for name in ("beat", "worker-1", "worker-2", "api"):
        container = pod.containers[name]
        status, took_s = container.stop()
        orderly = status == 0 and '"level":"critical"' not in container.log()
        assert orderly, f"{name} ended with {status}: {container.log()[-2000:]}"
        assert took_s < float(container.service["stop_grace_period"].removesuffix("s")), name
