from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import BaseModel, Field

from hortus_agents.errors import StructureError
from hortus_agents.messages import ChatRequest, ChatResult, Message
from hortus_agents.models.endpoint import ModelEndpoint
from hortus_agents.models.openai_http import OpenAIChatModel
from hortus_agents.models.scripted import ScriptedModel
from hortus_agents.models.structured import DEFAULT_MAX_TOKENS, ask_json, complete

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
REQUEST = ChatRequest(model="m", messages=(Message(role="user", content="Give n."),), metadata={"run": "r1"})


class Signature(BaseModel):
    name: str = Field(pattern=r"^[a-z_]+$")
    arity: int


def answers(*replies: object) -> dict[str, object]:
    """A script that gives these texts or JSON values one after the other."""
    return {
        "rules": [
            {"when": {"index": number}, "reply": {"text": reply} if isinstance(reply, str) else {"json": reply}}
            for number, reply in enumerate(replies)
        ]
    }


@asynccontextmanager
async def serving(*replies: object) -> AsyncIterator[tuple[ScriptedModel, OpenAIChatModel]]:
    async with (
        ScriptedModel(answers(*replies)) as server,
        OpenAIChatModel(ModelEndpoint("m", server.base_url)) as model,
    ):
        yield server, model


async def test_a_valid_first_answer_takes_one_call() -> None:
    async with serving({"n": 3}) as (server, model):
        structured = await ask_json(model, REQUEST, SCHEMA, purpose="count")

        assert structured.value == {"n": 3}
        assert (structured.attempts, structured.repaired) == (1, False)
        assert server.requests[0].metadata == {"run": "r1", "purpose": "count"}
        assert server.requests[0].body["response_format"]["json_schema"]["schema"] == SCHEMA


async def test_a_pydantic_type_gives_its_instance() -> None:
    async with serving({"name": "add", "arity": 2}) as (_, model):
        structured = await ask_json(model, REQUEST, Signature, purpose="sign")

        assert structured.value == Signature(name="add", arity=2)


async def test_a_wrong_answer_is_repaired_with_its_error() -> None:
    async with serving({"n": "three"}, {"n": 3}) as (server, model):
        structured = await ask_json(model, REQUEST, SCHEMA, purpose="count")

        assert structured.value == {"n": 3}
        assert (structured.attempts, structured.repaired) == (2, True)
        repair = server.requests[1]
        assert repair.metadata["attempt"] == "2"
        assert repair.body["messages"][1] == {"role": "assistant", "content": '{"n":"three"}'}
        assert "n: 'three' is not of type 'integer'" in repair.body["messages"][2]["content"]


async def test_a_type_s_own_rules_are_part_of_the_repair() -> None:
    async with serving({"name": "Add Two", "arity": 2}, {"name": "add_two", "arity": 2}) as (server, model):
        structured = await ask_json(model, REQUEST, Signature, purpose="sign")

        assert structured.value.name == "add_two"
        assert "name: String should match pattern" in server.requests[1].body["messages"][2]["content"]


async def test_two_wrong_answers_are_a_structure_error_with_the_last_text() -> None:
    async with serving("nonsense", "more nonsense") as (server, model):
        seen: list[ChatResult] = []

        async def keep(result: ChatResult, seen: list[ChatResult] = seen) -> None:
            seen.append(result)

        with pytest.raises(StructureError, match="for count after one repair") as caught:
            await ask_json(model, REQUEST, SCHEMA, purpose="count", on_call=keep)

        assert caught.value.text == "more nonsense"
        assert [result.text for result in seen] == ["nonsense", "more nonsense"]
        assert len(server.requests) == 2


async def test_json_in_a_code_fence_is_accepted() -> None:
    async with serving('```json\n{"n": 3}\n```') as (_, model):
        assert (await ask_json(model, REQUEST, SCHEMA, purpose="count")).value == {"n": 3}


async def test_an_endless_answer_is_cut_off_and_named_in_the_repair() -> None:
    async with serving('{"n": ' + "\n1" * 4_000, {"n": 1}) as (server, model):
        structured = await ask_json(model, REQUEST, SCHEMA, purpose="count")

        assert structured.value == {"n": 1}
        assert structured.calls[0].finish_reason == "length"
        assert structured.calls[0].usage.completion_tokens == DEFAULT_MAX_TOKENS
        assert "cut off after 1024 tokens" in server.requests[1].body["messages"][2]["content"]


async def test_a_request_s_own_bound_on_tokens_is_kept() -> None:
    async with serving({"n": 3}) as (server, model):
        await ask_json(model, REQUEST.model_copy(update={"max_tokens": 77}), SCHEMA, purpose="count")

        assert server.requests[0].body["max_tokens"] == 77


async def test_complete_gives_the_whole_answer() -> None:
    async with serving("all of it") as (_, model):
        assert (await complete(model, REQUEST)).text == "all of it"
