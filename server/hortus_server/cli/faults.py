"""How settings that are missing or wrong are told."""

from pydantic import ValidationError

from hortus_server.cli.render import err


def report_settings(error: ValidationError) -> None:
    """One line per setting, named as the environment variable that sets it; values are not repeated."""
    err.print("[red]hortus:[/] the settings are not complete or not valid; docs/settings.md lists them:")
    for fault in error.errors(include_url=False, include_input=False):
        place = "_".join(str(part) for part in fault["loc"]).upper()
        name = f"HORTUS_{place}: " if place else ""
        err.print(f"  {name}{fault['msg'].removeprefix('Value error, ')}", markup=False)
