"""How a command's failures are told: settings that are missing or wrong, components that do not answer."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hortus_server.cli.render import err
from hortus_server.domain.errors import UnavailableError


def report_settings(error: ValidationError) -> None:
    """One line per setting, named as the environment variable that sets it; values are not repeated."""
    err.print("[red]hortus:[/] the settings are not complete or not valid; docs/settings.md lists them:")
    for line in told_settings(error):
        err.print(f"  {line}", markup=False, soft_wrap=True)


def told(error: Exception) -> str:
    """What happened, on one line; of a component that is down also what was said by whoever tried to reach it."""
    cause = error.__cause__
    if not isinstance(error, UnavailableError) or cause is None or not str(cause):
        return str(error)
    return f"{error} ({' '.join(str(cause).split())})"


def told_settings(error: ValidationError) -> list[str]:
    """The same lines, for whoever shows them elsewhere."""
    faults = error.errors(include_url=False, include_input=False)
    return [_told(fault) for fault in faults]


def _told(fault: ErrorDetails) -> str:
    place = "_".join(str(part) for part in fault["loc"]).upper()
    if fault["type"] == "missing":
        # Groups are missing as a whole, and what each of those without a default lacks is its address.
        return f"HORTUS_{place}{'_URL' if len(fault['loc']) == 1 else ''}: is missing"
    if fault["type"] == "extra_forbidden":
        return f"HORTUS_{place}: there is no such setting"
    name = f"HORTUS_{place}: " if place else ""
    return f"{name}{fault['msg'].removeprefix('Value error, ')}"
