"""Where this interpreter's executable, standard library and shared library lie on the host."""

import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

SYSTEM_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64")
READABLE_EXTRAS = ("/usr/share/zoneinfo",)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
THIRD_PARTY = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Host paths of the parts of CPython that a jail needs."""

    executable: Path
    stdlib: Path
    shared_library: Path | None

    @property
    def version(self) -> str:
        """Major and minor version, as in folder names: `3.11`."""
        return f"{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def third_party(self) -> tuple[str, ...]:
        """Folders of installed packages inside the standard library's folder, which a jail must not see."""
        return tuple(name for name in sorted(THIRD_PARTY) if (self.stdlib / name).is_dir())


def locate_interpreter() -> Interpreter:
    """The interpreter that runs us, outside any virtual environment."""
    executable = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    library = sysconfig.get_config_var("INSTSONAME") if sysconfig.get_config_var("Py_ENABLE_SHARED") else None
    shared = Path(str(sysconfig.get_config_var("LIBDIR"))) / str(library) if library else None
    return Interpreter(
        executable=executable,
        stdlib=Path(os.path.realpath(sysconfig.get_path("stdlib"))),
        shared_library=shared if shared is not None and shared.is_file() else None,
    )
