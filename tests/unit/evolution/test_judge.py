from typing import Any

import pytest

from hortus_agents.evolution.cases import Case
from hortus_agents.evolution.judge import Judgement, Outcome, judge
from hortus_agents.evolution.signature import Signature

SIGNATURE = Signature("f", "Doubles.", (("n", "integer"),), "integer")
BROKEN = Outcome(None, "ValueError: no")


def weigh(*rows: tuple[Any, Any, Any], origins: str = "", reference: bool = True) -> Judgement:
    """Rows of (candidate, expected, reference); origins 'u' user, 'g' generated."""
    names = {"u": "user", "g": "generated", "r": "requester"}
    marks = origins or "g" * len(rows)
    cases = [
        Case({"n": n}, expected, names[mark])  # type: ignore[arg-type]
        for n, ((_, expected, _), mark) in enumerate(zip(rows, marks, strict=True))
    ]
    got = [row[0] if isinstance(row[0], Outcome) else Outcome(row[0], "") for row in rows]
    other = [row[2] if isinstance(row[2], Outcome) else Outcome(row[2], "") for row in rows]
    return judge(SIGNATURE, cases, got, other if reference else None)


def verdicts(judgement: Judgement) -> list[str]:
    return [result.verdict for result in judgement.results]


def test_agreement_of_all_witnesses_passes() -> None:
    assert weigh((2, 2, 2), (4, 4, 4), (6, 6, 6)).passed


def test_a_wrong_expected_value_is_outvoted_by_two_implementations() -> None:
    judgement = weigh((2, 2, 2), (4, 5, 4), (6, 7, 6), (8, 8, 8))
    assert judgement.passed
    assert "confirmed 4 (by a stated value 2)" in judgement.detail


def test_a_wrong_reference_is_outvoted_by_the_expected_values() -> None:
    assert weigh((2, 2, 9), (4, 4, 9), (6, 6, 9)).passed


def test_one_case_lost_two_to_one_is_enough_to_fail() -> None:
    judgement = weigh((2, 2, 2), (4, 4, 4), (7, 6, 6))
    assert not judgement.passed
    assert judgement.reason == "f(n=2) returned 7, expected 6"


def test_two_samples_alone_do_not_pass_by_agreeing_with_each_other() -> None:
    judgement = weigh((2, 1, 2), (4, 1, 4), (6, 1, 6), (0, 0, 0))
    assert not judgement.passed
    assert judgement.reason == "its results differ from most expected values: f(n=0) returned 2, expected 1"


def test_the_users_example_is_anchor_enough() -> None:
    assert weigh((2, 2, 2), (4, 1, 4), (6, 1, 6), origins="ugg").passed


def test_three_opinions_settle_nothing() -> None:
    judgement = weigh((2, 2, 2), (4, 5, 6), (6, 7, 8), (8, 9, 0))
    assert not judgement.passed
    assert verdicts(judgement).count("unresolved") == 3


def test_the_users_example_must_hold_whatever_others_say() -> None:
    judgement = weigh((2, 3, 2), (4, 4, 4), (6, 6, 6), (8, 8, 8), origins="uggg")
    assert not judgement.passed
    assert verdicts(judgement)[0] == "failed"


def test_a_requesters_own_guess_is_one_voice_among_others() -> None:
    assert weigh((2, 3, 2), (4, 4, 4), (6, 6, 6), origins="rgg").passed
    assert not weigh((2, 2, 2), (4, 3, 4), (6, 3, 6), origins="rgg").passed


def test_raising_where_the_reference_returns_fails() -> None:
    assert verdicts(weigh((BROKEN, 2, 2), (4, 4, 4))) == ["failed", "confirmed"]


def test_inputs_that_both_refuse_count_for_nothing() -> None:
    judgement = weigh((BROKEN, 0, BROKEN), (4, 4, 4), (6, 6, 6))
    assert verdicts(judgement)[0] == "both_refuse"
    assert judgement.passed


@pytest.mark.parametrize(
    "error", ["NameError: name 'm'", "wrong type: 'x'", "not deterministic: two runs differ", "stopped after 5 s"]
)
def test_a_slip_is_no_refusal_even_if_both_make_it(error: str) -> None:
    assert not weigh((Outcome(None, error), 0, BROKEN), (4, 4, 4), (6, 6, 6)).passed
    assert not weigh((Outcome(None, error), 0, Outcome(None, error)), (4, 4, 4), (6, 6, 6)).passed


def test_refused_inputs_cannot_be_most_of_the_evidence() -> None:
    assert not weigh((BROKEN, 0, BROKEN), (BROKEN, 0, BROKEN), (4, 4, 4), (6, 6, 6)).passed


def test_one_confirmed_case_is_too_little() -> None:
    assert not weigh((2, 2, 2)).passed
    assert not weigh().passed


def test_without_a_reference_the_expected_values_decide() -> None:
    assert weigh((2, 2, 0), (4, 4, 0), (6, 7, 0), reference=False).passed
    assert not weigh((2, 2, 0), (4, 5, 0), (6, 7, 0), reference=False).passed


def test_rows_tell_what_each_witness_said() -> None:
    row = weigh((2, 3, 2)).results[0].row
    assert row == {
        "arguments": {"n": 0}, "expected": 3, "origin": "generated", "verdict": "confirmed", "got": 2, "reference": 2,
    }  # fmt: skip
