"""The admin UI in Chromium: a session of 5,000 events opens, and a page stays responsive beside ten live sessions.

A session's opening is from the navigation until its last message is on the screen, beside the same page over a session
of one run, which is the floor. Responsive means: the longest task of the page and the gaps between its frames, by the
browser's own clock, while ten tabs each show an answer that comes at 20 tokens/s.
"""

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import uvloop
from playwright.async_api import BrowserContext, Page, async_playwright

from bench.client import Client, open_client
from bench.report import Figures, percentiles, table, write
from bench.stack import Stack, open_stack

OPENING_TARGET_MS, EVENTS = 1_000, 5_000
CHROMIUM = os.environ.get("HORTUS_TEST_CHROMIUM", "/usr/bin/chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
TOKENS_PER_S = 20
LONG = " ".join(f"word{number}" for number in range(1_200))
SCRIPT = {
    "rules": [{"when": {"user": "^talk$"}, "reply": {"json": {"answer": LONG}, "tokens_per_s": TOKENS_PER_S}}],
    "default": {"json": {"answer": "Done."}},
}
LAST = "the last of all messages"
WATCH = """() => {
    window.longest = 0; window.gaps = []; let before = performance.now();
    new PerformanceObserver((list) => {
        for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
    }).observe({ entryTypes: ["longtask"] });
    const frame = (now) => { window.gaps.push(now - before); before = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
}"""
PATIENCE_S = 300


async def say(client: Client, session_id: str, text: str) -> str:
    """A message; the id of its run."""
    return str((await client.post(f"/v1/sessions/{session_id}/messages", {"content": text}))["id"])


async def grow(client: Client, agent: str, *, events: int) -> tuple[str, int]:
    """A session of at least so many events; its id and how many they are."""
    session_id = await client.session(agent)
    last = 0
    while last < events - 20:
        for _ in range(20):
            run_id = await say(client, session_id, "hello")
        await client.ended(run_id)
        last = await count(client, session_id)
    await client.ended(await say(client, session_id, LAST))
    return session_id, await count(client, session_id)


async def count(client: Client, session_id: str) -> int:
    """The number of the session's last event."""
    return int((await client.get(f"/v1/sessions/{session_id}"))["last_seq"])


@asynccontextmanager
async def signed_in(stack: Stack) -> AsyncIterator[BrowserContext]:
    """A browser with the admin's cookie."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        context = await browser.new_context()
        answer = await context.request.post(
            f"{stack.url}/v1/auth/login", data={"key": stack.key}, headers={"Origin": stack.url}
        )
        if not answer.ok:
            raise RuntimeError(f"the login failed: {answer.status}")
        yield context
        await browser.close()


async def opening_ms(context: BrowserContext, stack: Stack, session_id: str) -> float:
    """From the navigation until the last message shows."""
    page = await context.new_page()
    await page.goto(f"{stack.url}/sessions/{session_id}", wait_until="commit")
    await page.get_by_text(LAST).last.wait_for(state="visible")
    took: float = await page.evaluate("performance.now()")
    await page.close()
    return took


async def beside_live_sessions(
    context: BrowserContext, stack: Stack, client: Client, agent: str, *, sessions: int, seconds: float
) -> Figures:
    """Gaps between frames of the page in front, and its longest task."""
    pages: list[Page] = []
    runs: list[str] = []
    for _ in range(sessions):
        session_id = await client.session(agent)
        runs.append(await say(client, session_id, "talk"))
        page = await context.new_page()
        await page.goto(f"{stack.url}/sessions/{session_id}")
        await page.get_by_text("word3").first.wait_for(state="visible")
        pages.append(page)
    front = pages[-1]
    await front.bring_to_front()
    await front.evaluate(WATCH)
    await asyncio.sleep(seconds)
    gaps, longest = await front.evaluate("[window.gaps, window.longest]")
    for run_id in runs:
        await client.post(f"/v1/runs/{run_id}/cancel", {})
    for page in pages:
        await page.close()
    return {**percentiles(gaps[1:]), "longest_task_ms": round(longest, 1)}


async def measure(*, events: int, repetitions: int, sessions: int, seconds: float) -> None:
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(open_stack(workers=1, model=SCRIPT))
        client = await exits.enter_async_context(open_client(stack))
        context = await exits.enter_async_context(signed_in(stack))
        agent = await client.agent()
        async with asyncio.timeout(PATIENCE_S):
            short, few = await grow(client, agent, events=0)
            long, many = await grow(client, agent, events=events)
        floor, opened = [], []
        for _ in range(repetitions):
            floor.append(await opening_ms(context, stack, short))
            opened.append(await opening_ms(context, stack, long))
        live = await beside_live_sessions(context, stack, client, agent, sessions=sessions, seconds=seconds)
    opening = {f"{few} events": percentiles(floor), f"{many} events": percentiles(opened)}
    opening["target"] = {"p50_ms": OPENING_TARGET_MS}
    table("opening a session, its last message on the screen", opening)
    table(f"{sessions} tabs at {TOKENS_PER_S} tokens/s: gaps between frames in front", {"front": live})
    write("admin_ui", {"opening": opening, "live": live, "sessions": sessions, "tokens_per_s": TOKENS_PER_S})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    uvloop.run(
        measure(
            events=options.events,
            repetitions=options.repetitions,
            sessions=options.sessions,
            seconds=options.seconds,
        )
    )


if __name__ == "__main__":
    main()
