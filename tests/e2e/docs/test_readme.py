"""What the pages tell a reader to type does what they say, on a real stack with the scripted model."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_stack import ANSWER, Stack
from snippets import PAGES, ROOT, Snippet, snippets
from stack_parts import until

BOUND_S = 280  # a busy machine; an idle one takes twenty
RUNNABLE = [page for page in PAGES if any(one.mark == "run" for one in snippets(page))]
README = {one.language: one for one in snippets(ROOT / "README.md") if one.mark == "run" and one.language != "sh"}
EVENT_LINE = re.compile(r"\d+ \w+\.\w+")
INTERPRETER = {"python": (sys.executable, ".py"), "javascript": ("node", ".mjs")}


@pytest.fixture
def environment(stack: Stack, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a reader's terminal has: `hortus` on the path, and the settings of the running server."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    yield {**stack.env, "PATH": path, "HORTUS_URL": stack.url, "HORTUS_API_KEY": stack.key}
    stack.model.script(default={"json": {"answer": ANSWER}})


def command_of(snippet: Snippet, folder: Path) -> list[str]:
    program, ending = INTERPRETER[snippet.language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    file = folder / f"snippet{ending}"
    file.write_text(snippet.text, encoding="utf-8")
    return [program, str(file)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_is_marked_as_run_or_says_why_not(page: Path) -> None:
    unmarked = [one.name for one in snippets(page) if one.mark is None or (one.mark == "not run" and not one.why)]
    assert not unmarked


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_s_commands_work_in_their_order(
    page: Path, stack: Stack, environment: dict[str, str], tmp_path: Path
) -> None:
    if page.name == "README.md":  # there it must work without the variable, as a newcomer has it
        del environment["HORTUS_API_KEY"]
    blocks = [one for one in snippets(page) if one.mark == "run" and one.language == "sh"]
    script = "set -eu\n" + "".join(f"echo '=== {number}'\n{one.text}" for number, one in enumerate(blocks))
    done = subprocess.run(
        ["sh", "-c", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{stack.logs()}"
    parts = done.stdout.split("=== ")[1:]
    for one, shown in zip(blocks, parts, strict=True):
        assert one.shows is None or one.shows in shown, f"{one.name} does not show {one.shows}:\n{shown}\n{done.stderr}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", sorted(README))
def test_a_client_of_the_readme_misses_and_repeats_nothing_when_its_api_is_killed(
    language: str, stack: Stack, environment: dict[str, str], tmp_path: Path
) -> None:
    words = "391, and these are enough words for the stream to stop in the middle of them"
    stack.model.script({"reply": {"json": {"answer": words}, "hold": "middle", "stall_at_token": 9}})
    stack.model.forget()
    log = tmp_path / "output"
    with log.open("wb") as output:
        client = subprocess.Popen(
            command_of(README[language], tmp_path), env=environment, cwd=tmp_path, stdout=output, stderr=output
        )
    try:
        until(
            lambda: "these" in log.read_text() or client.poll() is not None,
            within_s=60,
            why=lambda: f"{log.read_text()}\n{stack.model.requests()}\n{stack.logs()}",
        )
        assert client.poll() is None, log.read_text()
        stack.apis[0].restart(signal.SIGKILL)
        stack.model.release("middle")
        assert client.wait(BOUND_S) == 0, log.read_text()
    finally:
        if client.poll() is None:
            client.kill()
        client.wait(10)
    lines = log.read_text().splitlines()
    events = [line.split()[0] for line in lines if EVENT_LINE.fullmatch(line)]
    assert [int(seq) for seq in events] == list(range(1, len(events) + 1)), log.read_text()
    assert "".join(line for line in lines if not EVENT_LINE.fullmatch(line)) == words, log.read_text()
    assert README[language].shows in log.read_text()
