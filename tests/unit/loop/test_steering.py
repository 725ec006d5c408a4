"""What the user says to a run under way: the next model call sees it, at one place in the prompt for good."""

from itertools import count
from typing import Any

from agent_world import SPEC, EchoTool, ListModel, World, named, text_result
from hypothesis import given, settings
from hypothesis import strategies as st

from hortus_agents import events as ev
from hortus_agents.events import MessageCreated, NewEvent, RunRolledBack, RunSucceeded
from hortus_agents.limits import RunLimits
from hortus_agents.loop.journal import message_id
from hortus_agents.loop.labelling import ANSWER
from hortus_agents.loop.state import fold_session
from hortus_agents.loop.step import Draft
from hortus_agents.messages import ChatRequest, ToolCall
from hortus_agents.tools.registry import ToolRegistry


def steering(text: str) -> MessageCreated:
    return MessageCreated(message_id=named(f"steer/{text}"), content=text, steers=True)


def say(world: World, text: str) -> None:
    world.append([NewEvent(payload=steering(text))])


def call(text: str) -> str:
    return f'{{"tool": "echo", "arguments": {{"text": "{text}"}}}}'


def echoing(*replies: Any, **options: Any) -> World:
    tool = EchoTool()
    spec = SPEC.model_copy(update={"tools": ("echo",)})
    return World(ListModel(list(replies)), ToolRegistry({"echo": tool}), spec=spec, **options)


def said_in(request: ChatRequest) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in request.messages[1:]]


async def test_the_next_model_call_sees_it_behind_the_step_that_was_under_way() -> None:
    world = echoing(call("a"), call("b"), '{"answer": "done"}')
    await world.step()
    say(world, "in French")
    await world.step()
    await world.finish()
    first, second, third = (said_in(request) for request in world.model.requests)
    assert second[: len(first)] == first
    assert second[-1] == ("user", "in French")
    assert third[: len(second)] == second, "the prompt only grew at its end"
    assert ("user", "in French") not in third[len(second) :]
    heard = [payload.heard for payload in world.payloads("model.called")]
    assert heard == [(), (steering("in French").message_id,), ()]


async def test_what_was_said_while_the_model_wrote_waits_for_the_call_after_it() -> None:
    world = echoing(call("a"), '{"answer": "done"}')
    state = world.state()
    say(world, "hurry")  # in the log before the step's events, as a worker finds it that commits late
    written: list[NewEvent] = []

    async def keep(events: Any) -> None:
        written.extend(events)

    world.emit = keep  # type: ignore[method-assign]
    world.state = lambda: state  # type: ignore[method-assign]
    await world.step()
    del world.state, world.emit  # type: ignore[attr-defined]
    world.append(written)
    assert [said.content for said in world.state().unheard] == ["hurry"]
    await world.step()
    assert said_in(world.model.requests[1])[-1] == ("user", "hurry")
    assert world.state().unheard == ()


async def test_a_run_that_answered_before_it_was_told_answers_again() -> None:
    """What the worker's log does with an end that comes too early: it is left out."""
    world = echoing('{"answer": "first"}', '{"answer": "second"}')
    await world.step()
    world.log = [event for event in world.log if not isinstance(event.payload, RunSucceeded)]
    say(world, "and now?")
    state = await world.finish()
    assert said_in(world.model.requests[1])[-2:] == [("assistant", '{"answer": "first"}'), ("user", "and now?")]
    assert (state.status, state.output) == ("succeeded", "second")


async def test_an_unreadable_reply_after_an_answer_is_asked_for_again() -> None:
    world = echoing('{"answer": "first"}', "nonsense", '{"answer": "second"}')
    await world.step()
    world.log = [event for event in world.log if not isinstance(event.payload, RunSucceeded)]
    say(world, "and now?")
    assert (await world.finish()).output == "second"


async def test_without_a_step_left_the_answer_is_kept() -> None:
    world = echoing('{"answer": "first"}', limits=RunLimits(steps=1))
    await world.step()
    world.log = [event for event in world.log if not isinstance(event.payload, RunSucceeded)]
    say(world, "and now?")
    state = await world.finish()
    assert (state.status, state.output) == ("budget_exhausted", "first")


async def test_what_is_said_before_the_first_step_follows_the_task() -> None:
    world = echoing('{"answer": "done"}')
    say(world, "be quick")
    await world.finish()
    assert said_in(world.model.requests[0]) == [("user", "say hello"), ("user", "be quick")]
    assert world.state().user_message == "say hello"


async def test_a_half_written_answer_is_written_anew_when_the_user_has_said_more() -> None:
    world = echoing(text_result("all of it", calls=()))
    world.model.tool_mode = "native"
    world.take_over(generation=2)
    say(world, "shorter")
    await world.step(draft=Draft(message_id(world.run_id, 1), "half", "half"))
    assert [payload.reason for payload in world.payloads("message.restarted")] == ["steered"]
    assert world.model.requests[0].continue_text == ""
    assert said_in(world.model.requests[0])[-1] == ("user", "shorter")


async def test_it_comes_behind_native_results() -> None:
    asked = text_result("", calls=[ToolCall(id="x", name="echo", arguments={"text": "a"})])
    world = echoing(asked, text_result("done"))
    world.model.tool_mode = "native"
    await world.step()
    say(world, "in French")
    await world.finish()
    assert [role for role, _ in said_in(world.model.requests[1])] == ["user", "assistant", "tool", "user"]


def test_a_stopped_run_leaves_what_it_wrote_and_an_undone_one_nothing() -> None:
    world = World(ListModel([]), ToolRegistry({}))
    world.append([NewEvent(payload=ev.RunCancelled(reason="r", partial_output="half an answer", label=ANSWER))])
    world.begin("second", "two")
    world.append([NewEvent(payload=steering("three"))])
    world.append([NewEvent(payload=ev.MessageCompleted(message_id=named("m"), content="gone"))])
    world.append([NewEvent(payload=RunRolledBack(reason="r", by_run_id=named("third")))])
    world.append([NewEvent(payload=ev.RunCancelled(reason="r", partial_output="gone too"))])
    world.begin("third", "four")
    history = [(message.role, message.content) for message in world.state().history]
    assert history == [("user", "say hello"), ("assistant", "half an answer")]
    undone = fold_session(world.log, named("second"))
    assert [said.content for said in undone.unheard] == ["three"], "its own state stays what it was"


async def test_what_a_run_had_written_when_its_tokens_were_gone_is_in_the_next_prompt() -> None:
    long = " ".join(f"word{n}" for n in range(100))
    world = World(
        ListModel([long, "on"], tool_mode="native", deltas=100), ToolRegistry({}), limits=RunLimits(tokens=50)
    )
    written = (await world.finish()).output
    assert written
    assert long.startswith(written)
    world.limits = RunLimits()
    world.begin("second", "go on")
    await world.finish()
    assert said_in(world.model.requests[1]) == [("user", "say hello"), ("assistant", written), ("user", "go on")]


class Told(World):
    """A user who says things while the model writes; a run ends as the worker's log lets it: with all of it heard."""

    def append(self, events: Any) -> None:
        for event in events:
            if not (isinstance(event.payload, RunSucceeded) and self.state().unheard):
                super().append([event])


async def test_a_completed_answer_is_in_the_conversation_once_though_the_budget_was_used_up_after_it() -> None:
    def answer(_request: Any) -> str:
        say(world, "and in French?")
        return '{"answer": "done"}'

    world = Told(ListModel([answer]), ToolRegistry({}), limits=RunLimits(steps=1))
    assert (await world.finish()).output == "done"
    assert [ended.partial_output for ended in world.payloads("run.budget_exhausted")] == [""]
    world.begin("second", "two")
    contents = [message.content for message in world.state().history]
    assert sorted(contents) == ["and in French?", "done", "say hello"]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["call", "answer"]), st.integers(0, 2), st.booleans()), max_size=8))
async def test_whatever_is_said_and_whoever_dies_each_message_is_seen_once_and_prompts_only_grow(plan: Any) -> None:
    numbers = count()
    said: list[str] = []

    def reply(kind: str, times: int) -> Any:
        def write(_request: ChatRequest) -> str:
            for _ in range(times):
                said.append(f"said {next(numbers)}")
                say(world, said[-1])
            return call(f"call {next(numbers)}") if kind == "call" else '{"answer": "done"}'

        return write

    tool = EchoTool()
    spec = SPEC.model_copy(update={"tools": ("echo",)})
    world = Told(ListModel([]), ToolRegistry({"echo": tool}), spec=spec)
    last = ('{"answer": "done"}', '{"answer": "done"}')
    world.model.replies = [*(reply(kind, times) for kind, times, _ in plan), *last]
    generation = 1
    for _, _, dies in plan:
        if world.state().finished:
            break
        await world.step(stop_after=1 if dies else None)
        if dies and not world.state().finished:
            generation += 1
            world.take_over(generation=generation)
    world.model.replies[len(world.model.requests) :] = last
    state = await world.finish()
    assert state.unheard == ()
    heard = [message for payload in world.payloads("model.called") for message in payload.heard]
    assert heard == [payload.message_id for payload in world.payloads("message.created") if payload.steers]
    full = said_in(world.model.requests[-1])
    assert [text for role, text in full if text.startswith("said ")] == said
    finished = [request for request in world.model.requests if said_in(request) == full[: len(said_in(request))]]
    assert len(finished) >= len(world.payloads("model.called")), "what a call that counts was asked is where all go on"
