"""A process that ends must not leave its event loop running while the interpreter is taken down."""

import subprocess
import sys

ENDS_WITHOUT_STOPPING = """
from contextlib import asynccontextmanager
from hortus_server.worker.loop_thread import LoopThread

@asynccontextmanager
async def lifespan():
    yield
    print("left")

LoopThread(lifespan).start()
"""


def test_the_end_of_the_process_stops_the_loop() -> None:
    command = [sys.executable, "-c", ENDS_WITHOUT_STOPPING]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "left\n", "")
