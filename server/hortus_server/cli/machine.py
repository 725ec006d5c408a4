"""`hortus up`, `down`, `status`, `doctor`: everything on this machine."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from typing import Annotated

import typer
from rich.markup import escape

from hortus_agents.sandbox import TIER_LEVELS, TierReport, candidates, probe_tiers
from hortus_server.adapters.embedded import model_server, postgres, qdrant, valkey
from hortus_server.adapters.embedded.component import Command, Component, Display, RestartPolicy
from hortus_server.adapters.embedded.console import JsonDisplay, QuietDisplay, TerminalDisplay
from hortus_server.adapters.embedded.doctor import Check, examine
from hortus_server.adapters.embedded.lifecycle import read_status, run_up, stop_running
from hortus_server.adapters.embedded.plan import EMBEDDINGS, EmbeddedOptions
from hortus_server.adapters.embedded.ports import PortBook
from hortus_server.adapters.embedded.probes import check_http, ready_file_probe
from hortus_server.cli.bootstrap import prepare_database
from hortus_server.cli.client import CommandError
from hortus_server.cli.models import check_endpoints, endpoints_down
from hortus_server.cli.options import AsJson
from hortus_server.cli.render import coloured, out, print_json, print_table
from hortus_server.cli.secrets_check import check_secret_hosts, check_secrets_key
from hortus_server.cli.serving import PROCESS
from hortus_server.cli.settings_check import check_settings
from hortus_server.settings import SandboxEnvironment

DEFAULT_PORT = 8420
SETTINGS_EXIT = 2  # of `hortus_server.cli.process`, when settings are missing or wrong
SCHEMA = "schema"


class Application:
    """Our own processes as the supervisor sees them, and what is said when all of them are ready."""

    def __init__(self, options: EmbeddedOptions, *, port: int, workers: int) -> None:
        self._home = options.home
        self._port = port
        self._workers = workers
        self._only = sorted(options.only or ())
        self._serves = options.only is None or "api" in options.only
        self.url = ""
        self.new_key: str | None = None

    def components(self, environment: Mapping[str, str], ports: PortBook) -> Sequence[Component]:
        """The schema, then api, workers and beat over it."""
        port = ports.assign("api", self._port or None)
        self.url = f"http://127.0.0.1:{port}"
        # PostgreSQL by name too: it is stopped only after what writes to it.
        needs = frozenset({SCHEMA, postgres.NAME, valkey.NAME, qdrant.NAME, EMBEDDINGS})
        variables = {
            **environment,
            "HORTUS_API_PORT": str(port),
            "HORTUS_API_COOKIE_SECRET": self._home.secret("cookie_secret"),
            "HORTUS_LOG_FORMAT": os.environ.get("HORTUS_LOG_FORMAT", "json"),
        }

        async def prepare_schema() -> None:
            self.new_key = await prepare_database(environment, self._home)

        def ours(name: str, *arguments: str) -> Component:
            ready = self._home.run / f"{name}.ready"
            own = {**variables, "HORTUS_WORKER_READY_FILE": str(ready)}
            command = Command(argv=(*PROCESS, *arguments), env=own, inherit_env=True)
            return Component(
                name=name,
                command=command,
                depends_on=needs,
                uses=frozenset({model_server.NAME}),  # a step under way can end only while the model answers
                ready=ready_file_probe(ready),
                stop_timeout_s=30.0,
                restart=RestartPolicy(hopeless=frozenset({SETTINGS_EXIT})),
            )

        async def api_answers() -> None:
            await check_http(f"{self.url}/readyz")

        api = replace(ours("api", "api"), url=self.url, port=port, ready=api_answers)
        schema = Component(name=SCHEMA, depends_on=frozenset({postgres.NAME}), after_start=prepare_schema)
        workers = [ours(f"worker-{n}", "worker") for n in range(1, self._workers + 1)]
        return [schema, api, *workers, ours("beat", "beat")]

    async def announce(self, _environment: Mapping[str, str]) -> None:
        """Tell where it is and what to type next."""
        what = "Hortus is up:" if self._serves else "up, without an api:"
        lines = ["", f"[bold green]{what}[/] [bold]{self.url if self._serves else ', '.join(self._only)}[/]"]
        if self.new_key:
            kept = escape(str(self._home.root / "secrets" / "admin_key"))
            lines.append(
                f"admin key, shown once (this machine's commands find it in {kept}):\n  [bold]{self.new_key}[/]"
            )
        if self._serves:
            lines.append("next, in another terminal: [bold]hortus demo[/]   or: [bold]hortus chat gardener[/]")
        lines.append("")
        out.print("\n".join(lines), soft_wrap=True)

    async def announce_json(self, _environment: Mapping[str, str]) -> None:
        """The same for programs, in one line."""
        url = self.url if self._serves else None
        out.print_json(data={"event": "up", "url": url, "admin_key": self.new_key}, indent=None)


def up(
    only: Annotated[str | None, typer.Option(help="Start these components alone, for example postgres,valkey.")] = None,
    port: Annotated[int, typer.Option(help="Port of the API; 0 takes a free one and keeps it.")] = DEFAULT_PORT,
    workers: Annotated[int, typer.Option(min=1, max=32, help="Worker processes.")] = 2,
    model: Annotated[str | None, typer.Option(envvar="HORTUS_EMBEDDED_MODEL", help="CPU model to serve.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what every process prints.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start everything on this machine and stay; Ctrl-C stops all of it.

    What an environment variable names (HORTUS_DATABASE_URL, HORTUS_BROKER_URL, HORTUS_QDRANT_URL, HORTUS_MODEL_URL) is
    used from there and not started. Data, logs and secrets live in HORTUS_HOME.
    """
    options = EmbeddedOptions.from_environment(os.environ)
    if only:
        options = replace(options, only=frozenset(name.strip() for name in only.split(",")))
    if model:
        options = replace(options, model_id=model)
    application = Application(options, port=port, workers=workers)
    machine = as_json or not sys.stdout.isatty()
    context = nullcontext(JsonDisplay()) if machine else TerminalDisplay(out)
    with context as inner:
        display: Display = inner if verbose else QuietDisplay(inner)
        asyncio.run(
            run_up(
                options,
                app_components=application.components,
                display=display,
                on_ready=application.announce_json if machine else application.announce,
            )
        )


def down(as_json: AsJson = False) -> None:
    """Stop what `hortus up` started under this home."""
    options = EmbeddedOptions.from_environment(os.environ)
    stopped = asyncio.run(stop_running(options.home))
    if as_json:
        print_json({"stopped": stopped})
    else:
        out.print("stopped" if stopped else f"nothing was running from {options.home.root}")


def status(as_json: AsJson = False) -> None:
    """What runs, where, and since when."""
    options = EmbeddedOptions.from_environment(os.environ)
    rows = [asdict(row) for row in asyncio.run(read_status(options))]
    for row in rows:
        uptime, size = row.pop("uptime"), row.pop("rss_bytes")
        row["up_s"] = round(uptime.total_seconds()) if uptime else None
        row["rss_mib"] = round(size / 2**20) if size else None
    if as_json:
        print_json(rows)
    else:
        print_table(("name", "status", "url", "pid", "up_s", "rss_mib", "restarts", "detail"), rows, empty="nothing")
        _tell_endpoints()
    if not any(row["pid"] for row in rows):
        raise typer.Exit(1)


def _tell_endpoints() -> None:
    with suppress(CommandError):  # there is no server to ask, as the table says
        for line in endpoints_down():
            out.print(f"model endpoint {escape(line)}", style="yellow", soft_wrap=True)


def doctor(as_json: AsJson = False) -> None:
    """Check this machine and every component, and say how to mend what is wrong."""
    checks = asyncio.run(
        examine(
            EmbeddedOptions.from_environment(os.environ),
            extra=(check_settings, _sandbox, check_endpoints, check_secrets_key, check_secret_hosts),
        )
    )
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            out.print(f"{coloured(check.outcome):<16} [bold]{escape(check.name)}[/]: {escape(check.detail)}")
            if check.mend:
                out.print(f"       {escape(check.mend)}", style="yellow")
    if any(check.outcome == "fail" for check in checks):
        raise typer.Exit(1)


async def _sandbox() -> Check:
    asked = SandboxEnvironment().sandbox
    reports = await probe_tiers()
    told = "; ".join(f"{report.tier} (tier {TIER_LEVELS[report.tier]}): {_told(report)}" for report in reports)
    works = {report.tier for report in reports if report.ok and TIER_LEVELS[report.tier] >= asked.minimum}
    fitting = [tier for tier in candidates(asked.tier, asked.minimum) if tier in works]
    if fitting:
        return Check(name="sandbox", outcome="ok", detail=f"{fitting[0]} is used. {told}", mend="")
    wanted = [report for report in reports if TIER_LEVELS[report.tier] >= asked.minimum]
    detail = f"nothing of at least tier {asked.minimum} works, so model-written code is refused. {told}"
    return Check(name="sandbox", outcome="fail", detail=detail, mend=" | ".join(report.mend for report in wanted))


def _told(report: TierReport) -> str:
    if not report.ok:
        return report.why
    return f"works ({report.how})" if report.how else "works"
