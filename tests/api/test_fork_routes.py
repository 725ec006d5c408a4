"""Forks over HTTP."""

from uuid import uuid4

from backends import Caller, is_problem


async def test_a_session_is_forked_once_per_key(admin: Caller, stranger: Caller):
    await admin.agent()
    session = await admin.session()
    await admin.post(f"/v1/sessions/{session}/messages", {"content": "hello"})
    path, key = f"/v1/sessions/{session}/fork", {"Idempotency-Key": "k"}
    forked = await admin.post(path, {"at_seq": 2}, headers=key)
    assert forked.status_code == 201
    shown = forked.json()
    assert (shown["forked_from_session_id"], shown["forked_from_seq"], shown["last_seq"]) == (str(session), 2, 2)
    assert (await admin.post(path, {"at_seq": 2}, headers=key)).json() == shown
    is_problem(await admin.post(path, {"at_seq": 1}, headers=key), 409, "idempotency_mismatch")
    log = (await admin.get(f"/v1/sessions/{shown['id']}/events")).json()["items"]
    assert [event["type"] for event in log] == ["session.forked", "message.created"]
    assert len((await admin.get("/v1/sessions")).json()["items"]) == 2
    is_problem(await stranger.post(path, {"at_seq": 2}), 404, "not_found")


async def test_places_that_are_not_in_the_log_are_refused(admin: Caller):
    await admin.agent()
    path = f"/v1/sessions/{await admin.session()}/fork"
    is_problem(await admin.post(path, {"at_seq": 99}), 422, "invalid_cursor")
    for wrong in (0, -1, "two", 2**63):
        is_problem(await admin.post(path, {"at_seq": wrong}), 422, "invalid_request")
    is_problem(await admin.post(path, {"at": 1}), 422, "invalid_request")
    is_problem(await admin.post(f"/v1/sessions/{uuid4()}/fork", {}), 404, "not_found")
    assert len((await admin.get("/v1/sessions")).json()["items"]) == 1
