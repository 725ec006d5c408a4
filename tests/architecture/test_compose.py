"""The deployment files start what the processes expect: settings, commands, paths and ports that exist."""

import configparser
import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_file import (
    COMPOSE_FILE,
    DOCKERFILE,
    ROOT,
    SECRETS,
    build_context,
    header_commands,
    load_compose,
    start_order,
)
from settings_page import OTHER_VARIABLES
from typer.main import get_command
from typer.testing import CliRunner

from hortus_agents.sandbox.opening import mending
from hortus_server.adapters.embedded.weights.catalogue import find_model
from hortus_server.cli.commands import app
from hortus_server.settings import Settings

SECRET = "test-secret-of-sufficient-length-32"
TEXT = COMPOSE_FILE.read_text(encoding="utf-8")
SERVICES: dict[str, Any] = load_compose(TEXT, dict.fromkeys(SECRETS, SECRET))["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
PROMETHEUS = ROOT / "deploy" / "prometheus" / "prometheus.yml"


def _hortus_commands() -> list[tuple[str, list[str]]]:
    found = [(name, SERVICES[name]["command"]) for name in OURS]
    found += [(f"{name} (health)", SERVICES[name]["healthcheck"].get("test", ["CMD"])[1:]) for name in OURS]
    found += [("header", shlex.split(line)[4:]) for line in header_commands(TEXT) if " run --rm " in line]
    found += [(path.name, _exec_start(path)) for path in UNITS]
    return [(name, command[1:]) for name, command in found if command and command[0].endswith("hortus")]


def _exec_start(path: Path) -> list[str]:
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    unit.read(path, encoding="utf-8")
    return shlex.split(unit["Service"]["ExecStart"])


def test_a_whole_order_of_starts_exists() -> None:
    order = list(start_order(SERVICES, set(SERVICES)))
    assert order.index("postgres") < order.index("migrate") < min(map(order.index, ("api", "worker", "beat")))


def test_every_image_is_pinned() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].rpartition(":")[2]
        assert tag, name
        assert tag != "latest", name


def test_who_waits_for_health_waits_for_a_service_that_tells_it() -> None:
    for name, service in SERVICES.items():
        for needed, condition in (service.get("depends_on") or {}).items():
            assert needed in SERVICES, f"{name} waits for {needed}, which does not exist"
            if condition["condition"] == "service_healthy":
                assert SERVICES[needed].get("healthcheck", {}).get("test"), f"{needed} has no health check"


def test_only_the_api_is_published_and_only_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"api"}
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_no_secret_has_a_default(name: str) -> None:
    with pytest.raises(AssertionError, match=name):
        load_compose(TEXT, {other: SECRET for other in SECRETS if other != name})


@pytest.mark.parametrize("name", ["api", "worker", "beat", "migrate"])
def test_the_environment_makes_valid_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith("HORTUS_"):
            monkeypatch.delenv(variable)
    environment = SERVICES[name]["environment"]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, str(value))
    settings = Settings()
    assert settings.mode == "external"
    known = {f"HORTUS_{group}_{field}".upper() for group, field in _fields()} | set(OTHER_VARIABLES)
    assert set(environment) <= known, set(environment) - known


def _fields() -> list[tuple[str, str]]:
    return [
        (group, field)
        for group, info in Settings.model_fields.items()
        for field in getattr(info.annotation, "model_fields", {})
    ]


@pytest.mark.parametrize(
    ("where", "words"), _hortus_commands(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_command_is_one_of_ours_with_options_that_it_has(where: str, words: list[str]) -> None:
    command, rest = get_command(app), list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    used = {word for word in rest if word.startswith("--")}
    assert used <= options, f"{where}: {used - options}"
    assert CliRunner().invoke(app, [*words[: len(words) - len(rest)], "--help"]).exit_code == 0


@pytest.mark.parametrize("name", OURS)
def test_nothing_of_ours_has_privileges_or_a_writable_root(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] <= 4096
    assert [entry.partition(":")[0] for entry in service["tmpfs"]] == ["/tmp"]  # noqa: S108


def test_the_sandbox_finds_what_it_needs_in_image_and_guide() -> None:
    final = DOCKERFILE.read_text("utf-8").rpartition("\nFROM ")[2]
    assert "libseccomp2" in final
    assert re.search(r"^USER [1-9]\d*$", final, re.MULTILINE), "root sees less of its jails than a user does"
    guide = (ROOT / "docs" / "guides" / "deploy.md").read_text("utf-8")
    told = mending("bubblewrap", "No permissions to create new namespace")
    asked = set(re.findall(r"--security-opt ([a-z]+)=", told))
    assert asked == {"seccomp", "apparmor", "systempaths"}
    assert all(f'"{option}=unconfined"' in guide for option in asked)


def test_a_model_server_answers_under_the_same_name_with_the_same_key_in_both_profiles() -> None:
    assert SERVICES["vllm"]["profiles"] == ["gpu"]
    assert SERVICES["model-cpu"]["profiles"] == ["cpu"]
    for name in ("vllm", "model-cpu"):
        assert SERVICES[name]["networks"]["default"]["aliases"] == ["model"]
    assert SERVICES["vllm"]["environment"]["VLLM_API_KEY"] == SECRET
    assert SERVICES["model-cpu"]["environment"]["HORTUS_MODEL_API_KEY"] == SECRET
    clients = [SERVICES[name]["environment"] for name in ("api", "worker")]
    assert {client["HORTUS_MODEL_URL"] for client in clients} == {"http://model:8000/v1"}
    assert {client["HORTUS_MODEL_API_KEY"] for client in clients} == {SECRET}
    assert find_model(SERVICES["model-cpu"]["environment"]["HORTUS_EMBEDDED_MODEL"]).kind == "chat"


def test_volumes_are_declared_and_not_shared_by_two_users() -> None:
    declared = load_compose(TEXT, dict.fromkeys(SECRETS, SECRET))["volumes"]
    used = [volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())]
    assert sorted(used) == sorted(declared)


def test_the_dockerfile_copies_what_exists() -> None:
    for path in build_context(DOCKERFILE.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_does_not_run_as_root_and_gets_time_to_drain(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"^User=hortus$", text, flags=re.MULTILINE)
    if path.name.startswith("hortus-worker"):
        (stop_s,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, flags=re.MULTILINE)
        assert int(stop_s) > Settings.model_fields["worker"].default.drain_s


def test_units_read_one_environment_whose_variables_exist() -> None:
    example = (ROOT / "deploy" / "systemd" / "hortus.env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?(HORTUS_\w+)=", example, flags=re.MULTILINE))
    known = {f"HORTUS_{group}_{field}".upper() for group, field in _fields()} | set(OTHER_VARIABLES)
    assert named <= known, named - known
    for path in UNITS:
        assert "EnvironmentFile=/etc/hortus/hortus.env" in path.read_text(encoding="utf-8"), path.name


def test_prometheus_looks_where_something_listens() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(PROMETHEUS.read_text(encoding="utf-8"))["scrape_configs"]}
    assert jobs["hortus-api"]["static_configs"][0]["targets"] == ["api:8420"]
    (worker,) = jobs["hortus-worker"]["dns_sd_configs"]
    assert worker["names"] == ["worker"]
    assert str(worker["port"]) == SERVICES["worker"]["environment"]["HORTUS_WORKER_METRICS_PORT"]
    assert jobs["model"]["static_configs"][0]["targets"] == ["model:8000"]
    assert jobs["qdrant"]["static_configs"][0]["targets"] == ["qdrant:6333"]
    for job in jobs.values():
        assert job.get("metrics_path", "/metrics") == "/metrics"


def test_the_guide_to_vllm_starts_it_as_compose_does() -> None:
    guide = (ROOT / "docs" / "guides" / "vllm.md").read_text(encoding="utf-8")
    told = set(re.findall(r"--[a-z][\w.-]+", re.search(r"vllm serve .*?```", guide, flags=re.DOTALL)[0]))  # type: ignore[index]
    used = {word.partition("=")[0] for word in SERVICES["vllm"]["command"] if word.startswith("--")}
    assert told <= used, told - used
    assert used - told <= {"--tensor-parallel-size", "--gpu-memory-utilization"}


def test_the_guide_to_deployment_names_every_variable() -> None:
    guide = (ROOT / "docs" / "guides" / "deploy.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\$\{([A-Z_]+)", TEXT)) - {"HORTUS_IMAGE", "HORTUS_MODEL_NAME"}
    assert named <= set(re.findall(r"`([A-Z_]+)`", guide)), named


def test_what_others_made_does_not_report_its_use() -> None:
    assert SERVICES["qdrant"]["environment"]["QDRANT__TELEMETRY_DISABLED"] == "true"
    for variable in ("VLLM_NO_USAGE_STATS", "HF_HUB_DISABLE_TELEMETRY"):
        assert SERVICES["vllm"]["environment"][variable] == "1"
        assert f"{variable}=1" in (ROOT / "docs" / "guides" / "vllm.md").read_text(encoding="utf-8")
