"""docker-compose.yml and deploy/Dockerfile as tests read them: variables filled in, escapes undone."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
SECRETS = (
    "POSTGRES_PASSWORD",
    "VALKEY_PASSWORD",
    "QDRANT_API_KEY",
    "MODEL_API_KEY",
    "HORTUS_COOKIE_SECRET",
    "HORTUS_SECRETS_KEY",
)
VARIABLE = re.compile(r"\$\$|\$\{([A-Z_]+)(?::([-?])([^}]*))?\}")


def load_compose(text: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The document with `values` for its variables and the defaults of the others; `$$` becomes `$`.

    Fails on a variable that has neither a default nor a demand, and on a demand that `values` does not meet.
    """

    def value(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        if name is None:
            return "$"
        if name in values:
            return values[name]
        assert kind == "-", f"{name} has no default"
        return default or ""

    loaded: dict[str, Any] = yaml.safe_load(VARIABLE.sub(value, text))
    return loaded


def start_order(services: Mapping[str, Any], wanted: set[str]) -> Iterator[str]:
    """The wanted services, each after those that it waits for."""
    done: set[str] = set()
    while wanted - done:
        ready = [name for name in sorted(wanted - done) if set(services[name].get("depends_on") or {}) <= done]
        assert ready, f"{wanted - done} wait for each other, or for what is not started"
        yield from ready
        done |= set(ready)


def header_commands(text: str) -> list[str]:
    """The commands in the file's opening comment, one per line, without what stands after them."""
    opening = text[: text.index("\nname:")]
    lines = [line.removeprefix("#").strip() for line in opening.splitlines()]
    return [line.split("   #")[0].strip() for line in lines if line.startswith(("docker compose", "export "))]


def final_stage(dockerfile: str) -> list[str]:
    """The instructions of the last stage, continuation lines joined."""
    stage = re.split(r"^FROM ", dockerfile.replace("\\\n", " "), flags=re.MULTILINE)[-1]
    return [line.strip() for line in stage.splitlines()[1:] if line.strip() and not line.startswith("#")]


def image_environment(dockerfile: str, inherited_path: str) -> dict[str, str]:
    """What ENV of the last stage sets."""
    found: dict[str, str] = {}
    for line in final_stage(dockerfile):
        if line.startswith("ENV "):
            for assignment in line.removeprefix("ENV ").split():
                name, _, value = assignment.partition("=")
                found[name] = value.replace("$PATH", inherited_path)
    return found


def image_user(dockerfile: str) -> str:
    """The user that the last stage ends with."""
    (user,) = [line.removeprefix("USER ") for line in final_stage(dockerfile) if line.startswith("USER ")]
    return user


def build_context(dockerfile: str) -> list[str]:
    """Paths of the checkout that the stage `build` copies."""
    stage = dockerfile.split(" AS build\n", 1)[1].split("\nFROM ", 1)[0]
    copies = [line.split()[1:] for line in stage.splitlines() if line.startswith("COPY ")]
    return [source for words in copies if not words[0].startswith("--from") for source in words[:-1]]
