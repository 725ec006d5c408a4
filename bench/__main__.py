"""Runs the benchmarks, each in a process of its own: `python -m bench [NAME ...]`; `--list` only names them."""

import argparse
import ast
import os
import subprocess
import sys
from pathlib import Path

NAMES = (
    "submit",
    "throughput",
    "overhead",
    "sandbox",
    "policy",
    "security",
    "commits",
    "waiting",
    "parked",
    "takeover",
    "streaming",
    "footprint",
    "admin_ui",
    "chaos",
)
LONGEST_S = 900


def purpose(name: str) -> str:
    """The first line of a benchmark's description."""
    text = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").split("\n", 1)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="all of them without a name")
    parser.add_argument("--list", action="store_true", help="name them and exit")
    options = parser.parse_args()
    failed = []
    for name in options.names or NAMES:
        print(f"{name}: {purpose(name)}", flush=True)
        if options.list:
            continue
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        try:
            status = subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False, timeout=LONGEST_S).returncode
        except subprocess.TimeoutExpired:
            status = 124
        if status:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
