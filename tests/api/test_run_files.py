"""Files that runs made, over HTTP."""

import hashlib
from collections.abc import Mapping
from uuid import UUID

from backends import Caller, is_problem
from store_world import LEASE, new

from hortus_agents.events import KeptFile, RunStarted, ToolFinished
from hortus_server.domain.ids import RunId
from hortus_server.ports.store import Store
from hortus_server.services.read_file import PART

RESULT = {"name": "python", "outcome": "ok", "content": "done", "duration_ms": 1.0}


async def ran(store: Store, caller: Caller, *calls: Mapping[str, bytes], whole: bytes | None = None) -> dict:
    """A run whose calls of `python` made these files, one call after another; the last one's text was cut."""
    await caller.agent()
    run = (await caller.post("/v1/runs", {"agent": "helper", "input": "x"})).json()
    async with store.system_transaction() as uow:
        claim = await uow.runs.claim(RunId(UUID(run["id"])), worker_id="w1", lease=LEASE)
        tenant_id = claim.run.tenant_id

        async def kept(content: bytes) -> str:
            return (await uow.artifacts.put(tenant_id, content, media_type="application/octet-stream")).sha256

        ends = []
        for number, made in enumerate(calls):
            files = [KeptFile(name=name, sha256=await kept(data), size=len(data)) for name, data in made.items()]
            last = number == len(calls) - 1
            artifact = await kept(whole) if whole is not None and last else None
            ends.append(ToolFinished(call_id=f"c{number}", files=tuple(files), artifact_sha256=artifact, **RESULT))
        started = RunStarted(worker_id="w1", generation=1)
        events = new(started, *ends, step=1)
        await uow.events.append(tenant_id, claim.run.session_id, events, run_id=claim.run.id, generation=1)
    return run


async def one(caller: Caller, run: dict) -> str:
    """The address of its first file, without its name."""
    listed = (await caller.get(f"/v1/runs/{run['id']}/files")).json()
    return f"/v1/runs/{run['id']}/files/{listed['items'][0]['seq']}"


async def test_files_are_listed_by_call_and_their_bytes_saved(admin: Caller, store: Store):
    big = bytes(range(256)) * (PART // 256) + b"and a little more"
    run = await ran(store, admin, {"table.csv": b"a,b\n", "big.bin": big}, {"empty": b""}, whole=b"all of it")
    listed = (await admin.get(f"/v1/runs/{run['id']}/files")).json()
    assert listed["next_after"] is None
    first = listed["items"][0]["seq"]
    assert [(file["seq"], file["kind"], file["name"], file["size"]) for file in listed["items"]] == [
        (first, "file", "table.csv", 4),
        (first, "file", "big.bin", len(big)),
        (first + 1, "result", "_result.txt", 9),
        (first + 1, "file", "empty", 0),
    ]
    assert listed["items"][1]["sha256"] == hashlib.sha256(big).hexdigest()
    answer = await admin.get(f"/v1/runs/{run['id']}/files/{first}/big.bin")
    assert (answer.status_code, answer.content) == (200, big)
    assert (await admin.get(f"/v1/runs/{run['id']}/files/{first + 1}/empty")).content == b""
    whole = await admin.get(f"/v1/runs/{run['id']}/files/{first + 1}/_result.txt")
    assert (whole.text, whole.headers["content-disposition"]) == (
        "all of it",
        f'attachment; filename="result-{first + 1}.txt"',
    )


async def test_a_file_is_an_attachment_that_nobody_takes_for_a_page(admin: Caller, store: Store):
    run = await ran(store, admin, {"page.html": b"<script>alert(1)</script>"})
    headers = (await admin.get(f"{await one(admin, run)}/page.html")).headers
    assert headers["content-disposition"] == 'attachment; filename="page.html"'
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-content-type-options"] == "nosniff"
    assert (headers["content-length"], headers["cache-control"]) == ("25", "private, no-store")


async def test_a_long_list_comes_in_parts_that_split_no_call(admin: Caller, store: Store):
    run = await ran(store, admin, {"a": b"1", "b": b"2"}, {"a": b"3"}, {"c": b"4"})
    names, after = [], 0
    while after is not None:
        part = (await admin.get(f"/v1/runs/{run['id']}/files?limit=1&after={after}")).json()
        names.append([file["name"] for file in part["items"]])
        after = part["next_after"]
    assert names == [["a", "b"], ["a"], ["c"], []]


async def test_another_tenant_finds_neither_list_nor_bytes(admin: Caller, stranger: Caller, store: Store):
    run = await ran(store, admin, {"a": b"mine"})
    is_problem(await stranger.get(f"/v1/runs/{run['id']}/files"), 404, "not_found")
    is_problem(await stranger.get(f"{await one(admin, run)}/a"), 404, "not_found")


async def test_what_is_not_there_is_a_clear_answer(admin: Caller, store: Store):
    run = await ran(store, admin, {"a": b"1"})
    place = await one(admin, run)
    for name, status in (("a", 200), ("b", 404), ("_result.txt", 404), ("..%2Fa", 404), (".a", 422)):
        assert (await admin.get(f"{place}/{name}")).status_code == status, name
    for seq, status in ((1, 404), (10**6, 404), (0, 422)):
        assert (await admin.get(f"/v1/runs/{run['id']}/files/{seq}/a")).status_code == status, seq
