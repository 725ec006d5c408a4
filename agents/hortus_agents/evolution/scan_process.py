"""Runs bandit over the source on stdin, in a process of its own: `python -I -m hortus_agents.evolution.scan_process`.

A scanner is a large program that parses hostile text; whatever that makes of it ends with this process.
"""

import resource
import runpy
import sys

MEMORY_BYTES = 512 * 1024 * 1024
CPU_S = 10


def main() -> None:
    """Bound this process, then become bandit. Comments in the source that would silence findings are ignored."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    sys.argv = ["bandit", "--quiet", "--ignore-nosec", "--format", "json", "-"]
    runpy.run_module("bandit", run_name="__main__")


if __name__ == "__main__":
    main()
