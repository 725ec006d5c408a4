"""llama.cpp's own HTTP server in this process: `python -m hortus_server.adapters.embedded.model_process`.

The supervisor sets `OMP_WAIT_POLICY=passive` and `GOMP_SPINCOUNT=0` before it starts this: without them the
worker threads spin on busy cores and tokens come ten times slower.
"""

import argparse
import faulthandler
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import xllamacpp

ERRORS_AND_WARNINGS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServerArguments:
    """The command line: `context_tokens` is per slot, `prompt_cache_mib` is for prefixes of idle slots."""

    model: Path
    alias: str
    host: str
    port: int
    api_key_file: Path
    slots: int
    context_tokens: int
    threads: int
    prompt_cache_mib: int


def parse_arguments(argv: Sequence[str] | None = None) -> ModelServerArguments:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="model_process")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key-file", type=Path, required=True)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--context-tokens", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt-cache-mib", type=int, default=512)
    return ModelServerArguments(**vars(parser.parse_args(argv)))


def server_parameters(arguments: ModelServerArguments) -> "xllamacpp.CommonParams":
    """Translate the command line into llama.cpp's parameters."""
    params = xllamacpp.CommonParams()
    params.model.path = str(arguments.model)
    params.model_alias = {arguments.alias}
    params.hostnames = [arguments.host]
    params.port = arguments.port
    params.api_keys = [arguments.api_key_file.read_text(encoding="utf-8").strip()]
    params.n_parallel = arguments.slots
    params.n_ctx = arguments.slots * arguments.context_tokens
    params.cont_batching = True
    params.cache_prompt = True
    params.cache_ram_mib = arguments.prompt_cache_mib
    params.cpuparams.n_threads = arguments.threads
    params.cpuparams_batch.n_threads = arguments.threads
    params.endpoint_metrics = True
    # Slots would show one user's prompt to another, and pages from other origins have no business here.
    params.endpoint_slots = False
    params.ui = False
    params.cors_origins = ""
    params.verbosity = ERRORS_AND_WARNINGS
    return params


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    faulthandler.enable()
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the native threads start, so that only `sigwait` below receives them.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    arguments = parse_arguments()
    server = xllamacpp.Server(server_parameters(arguments))
    print(f"serving {arguments.alias} on {server.listening_address}", flush=True)  # noqa: T201 - the process log
    signal.sigwait(stop_signals)


if __name__ == "__main__":
    main()
