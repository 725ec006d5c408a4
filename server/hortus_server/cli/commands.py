"""The `hortus` command. Apart from the package, so that a server process need not import what only people use."""

import sys

import typer
from pydantic import ValidationError

from hortus_agents.errors import AgentsError
from hortus_server.adapters.embedded.errors import EmbeddedError
from hortus_server.cli import (
    admission,
    agents,
    approvals,
    audit,
    keys,
    policies,
    processes,
    run_insight,
    runs,
    schedules,
    secrets,
    sessions,
    tenants,
    tools,
    users,
    webhooks,
)
from hortus_server.cli.chat import chat
from hortus_server.cli.client import CommandError
from hortus_server.cli.demo import demo
from hortus_server.cli.faults import report_settings
from hortus_server.cli.freeze import freeze, unfreeze
from hortus_server.cli.machine import doctor, down, status, up
from hortus_server.cli.models import models
from hortus_server.cli.render import err
from hortus_server.domain.errors import HortusError

app = typer.Typer(
    name="hortus",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Self-hosted agent orchestration: durable runs, memory, tools that agents write for themselves.",
)
for command in (up, down, status, doctor, models, demo, chat, freeze, unfreeze):
    app.command()(command)
for insight in (run_insight.trace, run_insight.stuck, run_insight.requeue):
    runs.app.command()(insight)
app.add_typer(runs.app, name="run")
app.add_typer(sessions.app, name="session")
app.add_typer(agents.app, name="agent")
app.add_typer(approvals.app, name="approval")
app.add_typer(policies.app, name="policy")
app.add_typer(tools.app, name="tool")
app.add_typer(schedules.app, name="schedule")
app.add_typer(webhooks.app, name="webhook")
app.add_typer(keys.app, name="key")
app.add_typer(users.app, name="user")
app.add_typer(tenants.app, name="tenant")
app.add_typer(admission.app, name="admission")
app.add_typer(audit.app, name="audit")
app.add_typer(secrets.app, name="secrets")
for process in (processes.api, processes.worker, processes.beat, processes.migrate):
    app.command(rich_help_panel="Processes")(process)
app.command("scripted-model", rich_help_panel="Processes")(processes.scripted_model)
app.command("model-server", rich_help_panel="Processes")(processes.model_server)
app.add_typer(processes.weights_app, name="weights", rich_help_panel="Processes")


def main() -> None:
    """Run a command; expected failures end with one clear line and status 1."""
    try:
        app()
    except (CommandError, EmbeddedError, HortusError, AgentsError) as error:
        err.print(f"[red]hortus:[/] {error}", soft_wrap=True, markup=True)
        sys.exit(1)
    except ValidationError as error:
        report_settings(error)
        sys.exit(2)
