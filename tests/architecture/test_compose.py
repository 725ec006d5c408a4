"""The compose file starts what the processes expect: settings that exist, commands that exist, an order that holds."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hortus_server.settings import Settings

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")
SECRETS = {"POSTGRES_PASSWORD", "VALKEY_PASSWORD", "QDRANT_API_KEY", "HORTUS_COOKIE_SECRET"}


def _interpolate(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        assert kind is not None, f"{name} has neither a default nor a demand"
        if kind == "?":
            assert name in SECRETS
            return "test-secret-of-sufficient-length"
        return default or ""

    return VARIABLE.sub(value, text)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(_interpolate(text))
    return loaded


def test_every_image_is_pinned(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert tag, name
        assert tag != "latest", name


def test_who_waits_for_health_waits_for_a_service_that_tells_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for needed, condition in (service.get("depends_on") or {}).items():
            assert needed in services, f"{name} waits for {needed}, which does not exist"
            if condition["condition"] == "service_healthy":
                assert services[needed].get("healthcheck", {}).get("test"), f"{needed} has no health check"


def test_only_the_api_is_published_and_only_on_loopback(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert set(published) == {"api"}
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


@pytest.mark.parametrize("name", ["api", "worker", "beat", "migrate"])
def test_the_environment_makes_valid_settings(
    compose: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in list(os.environ):
        if variable.startswith("HORTUS_"):
            monkeypatch.delenv(variable)
    environment = compose["services"][name]["environment"]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, str(value))
    settings = Settings()
    assert settings.mode == "external"
    known = {f"HORTUS_{group}_{field}".upper() for group, field in _fields()}
    assert set(environment) <= known, set(environment) - known


def _fields() -> list[tuple[str, str]]:
    return [
        (group, field)
        for group, info in Settings.model_fields.items()
        for field in getattr(info.annotation, "model_fields", {})
    ]


def test_a_model_server_answers_under_the_same_name_in_both_profiles(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["vllm"]["profiles"] == ["gpu"]
    assert services["model-cpu"]["profiles"] == ["cpu"]
    for name in ("vllm", "model-cpu"):
        assert services[name]["networks"]["default"]["aliases"] == ["model"]
    assert services["api"]["environment"]["HORTUS_MODEL_URL"] == "http://model:8000/v1"
