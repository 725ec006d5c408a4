"""How a worker ended is told by its status: whoever restarts it looks at nothing else."""

import asyncio
import signal
from pathlib import Path

from cluster import START_S, WITHIN_S, Cluster
from stack_parts import free_port
from zygote import warm


def test_a_worker_that_could_not_start_says_so(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    env = {
        "HORTUS_MODE": "embedded",
        "HORTUS_EMBEDDING_KIND": "hash",
        "HORTUS_DATABASE_URL": f"postgresql://u@{nowhere}/d",
        "HORTUS_DATABASE_CONNECT_TIMEOUT_S": "0.3",
        "HORTUS_BROKER_URL": f"redis://{nowhere}",
        "HORTUS_QDRANT_URL": f"http://{nowhere}",
        "HORTUS_MODEL_URL": f"http://{nowhere}",
    }
    log = tmp_path / "log"
    assert warm().fork("worker", env, log).wait(START_S) == 1, log.read_text()
    assert "postgresql: no connection within" in log.read_text()


async def test_a_closed_terminal_stops_a_worker_in_order(cluster: Cluster) -> None:
    worker = await cluster.start_worker()
    worker.send_signal(signal.SIGHUP)
    assert await asyncio.to_thread(worker.wait, WITHIN_S) == 0, cluster.logs()
