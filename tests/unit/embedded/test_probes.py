import os
import subprocess
import sys
from pathlib import Path

import pytest

from hortus_server.adapters.embedded.probes import ready_file_probe
from hortus_server.domain.errors import UnavailableError


async def test_a_child_is_ready_once_its_own_id_is_in_the_file(tmp_path: Path) -> None:
    ready = tmp_path / "worker.ready"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        with pytest.raises(UnavailableError):
            await ready_file_probe(ready)()
        ready.write_text(f"{child.pid}\n")
        await ready_file_probe(ready)()
        child.communicate(b"\n")
    with pytest.raises(UnavailableError):
        await ready_file_probe(ready)()


@pytest.mark.parametrize("content", ["", "soon", "1", "own"])
async def test_what_names_no_child_of_ours_says_nothing(tmp_path: Path, content: str) -> None:
    ready = tmp_path / "worker.ready"
    ready.write_text(str(os.getpid()) if content == "own" else content)
    with pytest.raises(UnavailableError):
        await ready_file_probe(ready)()
