"""Secrets over HTTP: values go in and never come out."""

from dataclasses import replace

import pytest
from backends import Caller, is_problem
from serving import OPTIONS

from hortus_server.adapters.sealing import KeyRing, new_key
from hortus_server.api.edge import make_edge

SECRETS = "/v1/secrets"
TOKEN = f"{SECRETS}/TOKEN"
VALUE = "hunter22-hunter22"


@pytest.fixture
def edge(ports):
    return make_edge(OPTIONS, replace(ports, sealer=KeyRing([new_key()])))


async def test_a_secret_is_set_replaced_listed_and_deleted_and_never_shown(admin: Caller, stranger: Caller):
    await admin.agent()
    agent = {
        "name": "fetcher",
        "spec": {
            "tools": ["http_get"],
            "http_allow": ["api.example.org"],
            "http_headers": [
                {"host": "api.example.org", "header": "Authorization", "value": "Bearer {{secret:TOKEN}}"}
            ],
        },
    }
    assert (await admin.post("/v1/agents", agent)).status_code == 201
    first = await admin.call("PUT", TOKEN, json={"value": VALUE, "hosts": ["A.org"], "description": "for CI"})
    assert (first.status_code, first.json()["version"], first.json()["used_by"]) == (200, 1, ["fetcher"])
    again = await admin.call("PUT", TOKEN, json={"value": VALUE + "2", "agent": "fetcher"})
    assert (again.json()["version"], again.json()["description"]) == (2, "for CI")
    assert again.json()["agent_id"] is not None
    assert again.json()["hosts"] == ["a.org"]
    listed = await admin.get(SECRETS)
    assert [secret["name"] for secret in listed.json()["items"]] == ["TOKEN"]
    assert (await stranger.get(SECRETS)).json()["items"] == []
    is_problem(await stranger.get(TOKEN), 404, "not_found")
    is_problem(await stranger.call("DELETE", TOKEN), 404, "not_found")
    audit = await admin.get("/v1/audit", params={"action": "secret.*"})
    assert [entry["action"] for entry in audit.json()["items"]] == ["secret.set", "secret.set"]
    assert audit.json()["items"][0]["actor"]["kind"] in {"key", "user"}
    for answer in (first, again, listed, audit, await admin.get(TOKEN)):
        assert VALUE not in answer.text
    assert (await admin.call("DELETE", TOKEN)).status_code == 204
    is_problem(await admin.get(TOKEN), 404, "not_found")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("TOKEN", {"value": "short"}),
        ("TOKEN", {"value": "hunter22\nhunter22"}),
        ("TOKEN", {}),
        ("TOKEN", {"value": VALUE, "visible": True}),
        ("TOKEN", {"value": VALUE}),
        ("TOKEN", {"value": VALUE, "hosts": ["https://a.org"]}),
        ("TOKEN", {"value": VALUE, "hosts": ["*", "a.org"]}),
        ("1TOKEN", {"value": VALUE, "hosts": ["*"]}),
        ("TO-KEN", {"value": VALUE, "hosts": ["*"]}),
    ],
)
async def test_what_is_no_secret_is_refused_without_quoting_it(admin: Caller, name: str, body: dict[str, str]):
    refused = await admin.call("PUT", f"{SECRETS}/{name}", json=body)
    assert refused.status_code == 422
    assert "hunter22" not in refused.text


async def test_hosts_and_agent_change_without_the_value_and_what_widens_them_is_told(admin: Caller, stranger: Caller):
    await admin.agent()
    is_problem(await admin.call("PATCH", TOKEN, json={"hosts": ["a.org"]}), 404, "not_found")
    made = await admin.call("PUT", TOKEN, json={"value": VALUE, "hosts": ["a.org"], "agent": "helper"})
    assert made.status_code == 200
    is_problem(await stranger.call("PATCH", TOKEN, json={"hosts": ["*"]}), 404, "not_found")
    changed = (await admin.call("PATCH", TOKEN, json={"hosts": ["a.org", "b.org:81"]})).json()
    assert (changed["hosts"], changed["version"]) == (["a.org", "b.org:81"], 1)
    assert changed["agent_id"] is not None
    free = (await admin.call("PATCH", TOKEN, json={"agent": None})).json()
    assert (free["agent_id"], free["hosts"]) == (None, ["a.org", "b.org:81"])
    audit = (await admin.get("/v1/audit", params={"action": "secret.*"})).json()["items"]
    told = ["secret.widened", "secret.changed", "secret.widened", "secret.changed", "secret.set"]
    assert [entry["action"] for entry in audit] == told
    assert (audit[2]["detail"]["hosts_before"], audit[2]["detail"]["hosts"]) == (["a.org"], ["a.org", "b.org:81"])


async def test_an_unknown_agent_is_told(admin: Caller):
    body = {"value": VALUE, "hosts": ["a.org"], "agent": "nobody"}
    is_problem(await admin.call("PUT", TOKEN, json=body), 404, "not_found")


@pytest.mark.parametrize(
    "headers",
    [
        [{"host": "elsewhere.org", "header": "Authorization", "value": "{{secret:TOKEN}}"}],
        [{"host": "a.org", "header": "Host", "value": "{{secret:TOKEN}}"}],
        [{"host": "a.org", "header": "X-Token", "value": "a plain value"}],
        [{"host": "a.org", "header": "X-Token", "value": "{{secret:A}}{{secret:B}}"}],
        [{"host": "a.org", "header": "X Token", "value": "{{secret:TOKEN}}"}],
    ],
)
async def test_a_definition_names_secrets_for_its_allowed_hosts_only(admin: Caller, headers):
    spec = {"http_allow": ["a.org"], "http_headers": headers}
    is_problem(await admin.post("/v1/agents", {"name": "x", "spec": spec}), 422, "invalid_request")


async def test_secrets_have_scopes_of_their_own(make_caller):
    reader = await make_caller("secrets:read", "agents:write")
    assert (await reader.get(SECRETS)).status_code == 200
    is_problem(await reader.call("PUT", TOKEN, json={"value": VALUE}), 403, "forbidden")
    is_problem(await reader.call("PATCH", TOKEN, json={"hosts": ["*"]}), 403, "forbidden")
    is_problem(await reader.call("DELETE", TOKEN), 403, "forbidden")
    is_problem(await (await make_caller("agents:write")).get(SECRETS), 403, "forbidden")
