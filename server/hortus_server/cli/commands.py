"""The `hortus` command. Apart from the package, so that a server process need not import what only people use."""

import faulthandler
import logging
import sys
from typing import ClassVar

import typer
from pydantic import ValidationError
from rich.markup import escape

from hortus_agents.errors import AgentsError
from hortus_server.adapters.embedded.errors import EmbeddedError
from hortus_server.cli.client import CommandError
from hortus_server.cli.directory import DirectoryGroup, Place
from hortus_server.cli.faults import report_settings, told
from hortus_server.cli.render import err
from hortus_server.domain.errors import HortusError

PROCESSES = "Processes"


class Commands(DirectoryGroup):
    """All of them, in the order of the help."""

    places: ClassVar[dict[str, Place]] = {
        "up": Place("machine", "up"),
        "down": Place("machine", "down"),
        "status": Place("machine", "status"),
        "doctor": Place("machine", "doctor"),
        "models": Place("models", "models"),
        "demo": Place("demo", "demo"),
        "chat": Place("chat", "chat"),
        "freeze": Place("freeze", "freeze"),
        "unfreeze": Place("freeze", "unfreeze"),
        "api": Place("serving", "api", PROCESSES),
        "worker": Place("serving", "worker", PROCESSES),
        "beat": Place("serving", "beat", PROCESSES),
        "migrate": Place("processes", "migrate", PROCESSES),
        "scripted-model": Place("processes", "scripted_model", PROCESSES),
        "model-server": Place("processes", "model_server", PROCESSES),
        "run": Place("runs"),
        "session": Place("sessions"),
        "agent": Place("agents"),
        "approval": Place("approvals"),
        "policy": Place("policies"),
        "label": Place("labels"),
        "tool": Place("tools"),
        "schedule": Place("schedules"),
        "webhook": Place("webhooks"),
        "key": Place("keys"),
        "user": Place("users"),
        "tenant": Place("tenants"),
        "admission": Place("admission"),
        "audit": Place("audit"),
        "secrets": Place("secrets"),
        "weights": Place("processes", "weights_app", PROCESSES),
    }


app = typer.Typer(
    name="hortus",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Self-hosted agent orchestration: durable runs, memory, tools that agents write for themselves.",
)


@app.callback()
def _hortus() -> None:
    """What makes a group of the application; each command does its own work."""


def main() -> None:
    """Run a command; expected failures end with one clear line and status 1."""
    faulthandler.enable()
    # The driver's pool logs each of its tries, and the command says the end of it.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    try:
        app()
    except (CommandError, EmbeddedError, HortusError, AgentsError) as error:
        err.print(f"[red]hortus:[/] {escape(told(error))}", soft_wrap=True, markup=True)
        sys.exit(1)
    except ValidationError as error:
        report_settings(error)
        sys.exit(2)
