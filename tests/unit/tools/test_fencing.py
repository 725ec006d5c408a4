"""Fences that a model copied into what it says."""

from hypothesis import given
from hypothesis import strategies as st

from hortus_agents.labels import Label
from hortus_agents.tools.fencing import fence, unfenced

WEB = Label(origin="web", trust=0)


def test_what_a_model_copied_is_not_what_it_said() -> None:
    copied = fence(WEB, "old [secret]", limit=100, source="memory of past sessions")
    assert unfenced(f"You said:\n{copied}\nThat is all.") == "You said:\nThat is all."
    assert unfenced(f"You said: {copied[:-5]}") == "You said: "
    assert unfenced("see [data from 2024] to the [end]") == "see [data from 2024] to the [end]"
    assert unfenced("[data] is a list, a[0] its head") == "[data] is a list, a[0] its head"


@given(st.text(max_size=200))
def test_no_content_gets_out_of_its_fence(content: str) -> None:
    assert unfenced(f"before {fence(WEB, content, limit=100)}after") == "before after"
