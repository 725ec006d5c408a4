"""A crash in native code leaves the stack in the process's log, and no value of it."""

import signal
import subprocess
import sys

CRASHES = """
import sys
from hortus_server.cli import process

process.ENTRIES["api"] = ("faulthandler", "_sigsegv")
sys.argv = ["hortus", "api"]
process.main()
"""
SETTINGS = {
    "HORTUS_DATABASE_URL": "postgresql://u:hidden@127.0.0.1/d",
    "HORTUS_BROKER_URL": "redis://127.0.0.1",
    "HORTUS_QDRANT_URL": "http://127.0.0.1",
    "HORTUS_MODEL_URL": "http://127.0.0.1",
    "HORTUS_EMBEDDING_KIND": "hash",
    "HORTUS_MODE": "embedded",
}


def test_a_process_of_ours_tells_where_it_crashed() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CRASHES], env=SETTINGS, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in ended.stderr
    assert "cli/process.py" in ended.stderr
    assert "hidden" not in ended.stderr
