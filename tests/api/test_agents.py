"""Agents: create, read, version, pin, compare."""

from backends import Caller, is_problem


async def test_a_new_agent_has_version_1_with_the_given_definition(admin: Caller):
    created = await admin.agent("converter", instructions="Convert.", limits={"steps": 3})
    assert created["current_version"] == 1
    assert created["spec"]["instructions"] == "Convert."
    assert created["spec"]["limits"]["steps"] == 3
    by_name = (await admin.get("/v1/agents/converter")).json()
    by_id = (await admin.get(f"/v1/agents/{created['id']}")).json()
    assert by_name == by_id == created


async def test_a_name_is_taken_once(admin: Caller):
    await admin.agent("converter")
    is_problem(await admin.post("/v1/agents", {"name": "converter"}), 409, "conflict")


async def test_names_that_are_not_names_are_refused(admin: Caller):
    for name in ("", "Upper", "a b", "-x", "x" * 64, "0191d6a0-0000-7000-8000-000000000000", "ü"):
        document = is_problem(await admin.post("/v1/agents", {"name": name}), 422, "invalid_request")
        assert document["errors"][0]["loc"] == ["body", "name"]


async def test_unknown_fields_are_refused_at_every_depth(admin: Caller):
    for body in ({"name": "a", "colour": 1}, {"name": "a", "spec": {"colour": 1}}):
        document = is_problem(await admin.post("/v1/agents", body), 422, "invalid_request")
        assert document["errors"][0]["type"] == "extra_forbidden"


async def test_a_new_version_is_current_until_another_is_pinned(admin: Caller):
    await admin.agent("converter", temperature=0.0)
    second = await admin.post("/v1/agents/converter/versions", {"spec": {"temperature": 1.0}})
    assert second.status_code == 201
    assert second.json()["version"] == 2
    assert (await admin.get("/v1/agents/converter")).json()["spec"]["temperature"] == 1.0
    pinned = await admin.post("/v1/agents/converter/pin", {"version": 1})
    assert pinned.json()["current_version"] == 1
    assert (await admin.get("/v1/agents/converter")).json()["spec"]["temperature"] == 0.0
    is_problem(await admin.post("/v1/agents/converter/pin", {"version": 9}), 404, "not_found")


async def test_versions_are_listed_newest_first_and_read_one_by_one(admin: Caller):
    await admin.agent("converter")
    await admin.post("/v1/agents/converter/versions", {"spec": {}})
    listed = (await admin.get("/v1/agents/converter/versions")).json()
    assert [item["version"] for item in listed["items"]] == [2, 1]
    one = await admin.get("/v1/agents/converter/versions/1")
    assert one.json() == listed["items"][1]
    is_problem(await admin.get("/v1/agents/converter/versions/3"), 404, "not_found")
    is_problem(await admin.get("/v1/agents/converter/versions/0"), 422, "invalid_request")


async def test_a_diff_names_the_leaves_that_changed(admin: Caller):
    await admin.agent("converter")
    await admin.post("/v1/agents/converter/versions", {"spec": {"memory": {"recall_limit": 7}, "temperature": 0.5}})
    diff = (await admin.get("/v1/agents/converter/diff?before=1&after=2")).json()
    assert diff["changes"] == [
        {"path": "memory.recall_limit", "before": 3, "after": 7},
        {"path": "temperature", "before": 0.0, "after": 0.5},
    ]
    assert (await admin.get("/v1/agents/converter/diff?before=2&after=2")).json()["changes"] == []


async def test_paging_by_cursor_shows_each_agent_once_while_others_are_made(admin: Caller):
    for number in range(5):
        await admin.agent(f"a{number}")
    first = (await admin.get("/v1/agents?limit=2")).json()
    await admin.agent("late")
    second = (await admin.get(f"/v1/agents?limit=2&cursor={first['next_cursor']}")).json()
    third = (await admin.get(f"/v1/agents?limit=2&cursor={second['next_cursor']}")).json()
    assert [item["name"] for page in (first, second, third) for item in page["items"]] == ["a4", "a3", "a2", "a1", "a0"]
    assert third["next_cursor"] is None


async def test_wrong_paging_is_refused(admin: Caller):
    for query in ("limit=0", "limit=201", "limit=x", "order=asc", "limit=1&limit=2&x=1"):
        is_problem(await admin.get(f"/v1/agents?{query}"), 422, "invalid_request")
    is_problem(await admin.get("/v1/agents?cursor=nonsense"), 422, "invalid_cursor")


async def test_another_tenant_sees_nothing_of_it(admin: Caller, stranger: Caller):
    created = await admin.agent("converter")
    assert (await stranger.get("/v1/agents")).json()["items"] == []
    for key in (created["id"], "converter"):
        is_problem(await stranger.get(f"/v1/agents/{key}"), 404, "not_found")
        is_problem(await stranger.post(f"/v1/agents/{key}/versions", {"spec": {}}), 404, "not_found")
        is_problem(await stranger.post(f"/v1/agents/{key}/pin", {"version": 1}), 404, "not_found")
    assert (await stranger.agent("converter"))["id"] != created["id"]
