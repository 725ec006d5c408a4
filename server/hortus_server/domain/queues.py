"""Names of queues and messages: the contract between who sends a wake-up and who consumes it."""

from typing import Literal

QueueName = Literal["runs", "evolve", "memory", "maintenance"]
QUEUES: tuple[QueueName, ...] = ("runs", "evolve", "memory", "maintenance")

RUN_TASK = "hortus.run"
JOB_TASK = "hortus.job"
RECOVER_TASK = "hortus.recover"
PURGE_TASK = "hortus.purge"
SCHEDULES_TASK = "hortus.schedules"
WEBHOOKS_TASK = "hortus.webhooks"
WAITS_TASK = "hortus.waits"
ANCHOR_TASK = "hortus.anchor"

JOB_QUEUES: dict[str, QueueName] = {"remember_run": "memory", "index_tool": "evolve", "check_tool": "evolve"}
