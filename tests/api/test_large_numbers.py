"""Numbers that JSON can write and 64 bits cannot hold: refused or rounded, and never half-done."""

import pytest
from backends import Caller, is_problem

LARGE = 2**70


@pytest.mark.parametrize("number", [LARGE, -LARGE, 10**300])
async def test_a_large_number_in_metadata_is_answered_as_it_is_kept(admin: Caller, number: int):
    await admin.agent()
    made = await admin.post("/v1/sessions", {"agent": "helper", "metadata": {"a": [number]}})
    assert made.status_code == 201, made.text
    kept = (await admin.get(f"/v1/sessions/{made.json()['id']}")).json()
    assert made.json()["metadata"] == kept["metadata"] == {"a": [float(number)]}


async def test_a_limit_beyond_all_use_is_refused(admin: Caller):
    answer = await admin.post("/v1/agents", {"name": "greedy", "spec": {"limits": {"tokens": LARGE}}})
    is_problem(answer, 422, "invalid_request")
