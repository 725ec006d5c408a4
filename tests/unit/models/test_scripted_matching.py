import pytest
from multidict import CIMultiDict

from hortus_agents.messages import JsonObject
from hortus_agents.models.scripted import parse_script
from hortus_agents.models.scripted.matching import ChatCall, RuleBook
from hortus_agents.models.scripted.script import Script
from hortus_agents.models.scripted.tokens import PrefixCache, split_tokens

USER = {"role": "user", "content": "Please add 2 and 3."}


def call(*messages: JsonObject, headers: dict[str, str] | None = None, **body: object) -> ChatCall:
    return ChatCall({"model": "m", "messages": list(messages) or [USER], **body}, CIMultiDict(headers or {}))


def chosen(book: RuleBook, asked: ChatCall) -> str | None:
    choice = book.choose(asked)
    return None if choice is None else choice.rule


def book_with(when: JsonObject) -> RuleBook:
    return RuleBook(Script.model_validate({"rules": [{"name": "hit", "when": when, "reply": {"text": "x"}}]}))


@pytest.mark.parametrize("name", ["run", "role", "stage", "round", "purpose"])
def test_a_rule_matches_on_each_header_of_the_key(name: str) -> None:
    book = book_with({name: ["a", "b"]})

    assert chosen(book, call(headers={f"x-hortus-{name}": "b"})) == "hit"
    assert chosen(book, call(headers={f"x-hortus-{name}": "c"})) is None
    assert chosen(book, call()) is None


HIT = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add"}}]}
TOOL = {"role": "tool", "content": "5", "tool_call_id": "1"}


@pytest.mark.parametrize(
    ("when", "matching", "other"),
    [
        ({"user": r"add \d"}, call(USER), call({"role": "user", "content": "subtract 2"})),
        ({"user": "add"}, call({"role": "user", "content": [{"type": "text", "text": "add"}]}), call(TOOL)),
        ({"prompt": "system: be brief"}, call({"role": "system", "content": "be brief"}, USER), call(USER)),
        ({"prompt": "'name': 'add'"}, call(USER, HIT, TOOL), call(USER)),
        ({"turn": 1}, call(USER, HIT, TOOL), call(USER)),
        ({"last_role": "tool"}, call(USER, HIT, TOOL), call(USER)),
        (
            {"offers_tool": "add"},
            call(tools=[{"function": {"name": "add"}}]),
            call(tools=[{"function": {"name": "x"}}]),
        ),
        ({"guided": True}, call(response_format={"type": "json_schema", "json_schema": {"schema": {}}}), call()),
        ({"model": "m"}, call(), call(model="n")),
        ({"metadata": {"run_id": 7}}, call(headers={"X-Hortus-Run-Id": "7"}), call()),
    ],
)
def test_a_rule_matches_on_content(when: JsonObject, matching: ChatCall, other: ChatCall) -> None:
    assert chosen(book_with(when), matching) == "hit"
    assert chosen(book_with(when), other) is None


def test_index_counts_the_calls_of_one_key() -> None:
    book = book_with({"index": 1})
    ours, theirs = {"X-Hortus-Run": "1"}, {"X-Hortus-Run": "2"}

    answers = [chosen(book, call(headers=headers)) for headers in (ours, theirs, ours, theirs, ours)]

    assert answers == [None, None, "hit", "hit", None]


def test_a_run_id_header_names_the_run() -> None:
    assert chosen(book_with({"run": "7"}), call(headers={"X-Hortus-Run-Id": "7"})) == "hit"


def test_the_first_matching_rule_answers_and_times_bounds_it() -> None:
    script = "rules: [{name: once, reply: {text: a}, times: 1}, {name: then, reply: {text: b}}]\ndefault: {text: c}"
    book = RuleBook(parse_script(script, source="x"))

    assert [chosen(book, call()) for _ in range(3)] == ["once", "then", "then"]


def test_without_a_match_the_default_answers() -> None:
    script = "rules: [{when: {role: nobody}, reply: {text: a}}]\ndefault: {text: c}"

    assert chosen(RuleBook(parse_script(script, source="x")), call()) == "default"


@pytest.mark.parametrize("text", ["", "Hello world", "  lead", "trail \n", "supercalifragilistic", "a\n\nb\tc  "])
def test_tokens_add_up_to_the_text(text: str) -> None:
    assert "".join(split_tokens(text)) == text


def test_only_whole_blocks_of_a_common_prefix_are_cached() -> None:
    cache = PrefixCache()
    shared = "x" * 150  # two blocks of 64 characters and a rest

    assert cache.count(shared + "one" * 30).cached_tokens == 0
    assert cache.count(shared + "two" * 30).cached_tokens == 32
    assert cache.count("y" + shared).cached_tokens == 0


def test_the_prefix_cache_forgets_the_oldest() -> None:
    cache = PrefixCache(blocks=2)
    cache.count("a" * 64)
    cache.count("b" * 128)

    assert cache.count("a" * 128).cached_tokens == 0
