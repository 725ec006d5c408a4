"""The Rule of Two: what reaches outside waits for a person once the run has read what anybody may have written.

Of untrusted text (A), sensitive data (B) and a change of the outside (C) a run may have two by itself (Meta, 2025).
A model that has read untrusted text may do what that text says, so from then on (A) alone takes a C out of its hands
but for two ways that text cannot steer: a fetch or a note made of nothing but the user's own words, and a call that a
plan foresaw before anything untrusted was read.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hortus_agents.tools.policy import SERVER, Approve, Deny, ProposedCall, Verdict
from hortus_agents.tools.port import SideEffect

RULE: Final = "rule_of_two"
_SHOWN = 3  # sources that a reason names of each kind
_ADDRESS = re.compile(r"\Ahttps?://([^/?#@\s]+)(.*)\Z", re.IGNORECASE | re.DOTALL)
_BEFORE = r"(?<![\w%@/.\-=&?#+~])(?ai:https?://)?"
_AFTER = r"(?=\Z|[\s\"'<>)\]}]|[.,;:!?]+(?:\Z|[\s\"'<>)\]}]))"


def hold(call: ProposedCall, verdict: Verdict) -> Verdict:
    """The policy's verdict, or that a person decides. Never more than the policy lets through."""
    why = _why(call)
    if why is None or isinstance(verdict, Deny):
        return verdict
    if isinstance(verdict, Approve):
        return replace(verdict, reason=f"{verdict.reason}; {why}")
    return Approve(why, 1, call.spec.approval.expires_s, RULE, SERVER, verdict.rate)


def _why(call: ProposedCall) -> str | None:
    definition, labels = call.definition, call.labels
    reaches = definition.side_effect >= SideEffect.EXTERNAL or definition.steers
    if not labels.untrusted or not reaches:
        return None
    name, read = definition.spec.name, f"this run has read untrusted text ({_listed(labels.untrusted)})"
    if labels.sensitive:
        return f"{read} and sensitive data ({_listed(labels.sensitive)}), and {name} reaches outside"
    if labels.planned is not None:
        loose = [each for each in labels.planned.tainted if each not in definition.content_arguments]
        return f"{read}, and {', '.join(loose)} of {name} came out of it" if loose else None
    if definition.own_words and in_own_words(call):
        return None
    return f"{read}, which may be what asks for {name}"


def in_own_words(call: ProposedCall) -> bool:
    """Whether every value of the arguments stands in what the user or the operator said."""
    named = call.definition.spec.parameters.get("properties", {})
    return all(
        (key in named or _said(key, call.labels.words)) and _all_said(value, call.labels.words)
        for key, value in call.arguments.items()
    )


def _all_said(value: Any, words: tuple[str, ...]) -> bool:
    match value:
        case None | bool():
            return True
        case str():
            return _said(value, words)
        case Mapping():
            return all(_said(str(key), words) and _all_said(item, words) for key, item in value.items())
        case list() | tuple():
            return all(_all_said(item, words) for item in value)
        case _:
            return _said(str(value), words)


def _said(value: str, words: tuple[str, ...]) -> bool:
    """As a whole: a part of what was said, such as an address cut short, is something else."""
    text = value.strip().rstrip("/")
    if not text:
        return False
    address = _ADDRESS.match(text)
    # The case of a host's letters means nothing; all else is taken as it is.
    written = re.escape(text) if address is None else f"(?ai:{re.escape(address[1])}){re.escape(address[2])}"
    pattern = re.compile(f"{_BEFORE}{written}/?{_AFTER}")
    return any(pattern.search(said) for said in words)


def _listed(sources: tuple[str, ...]) -> str:
    more = len(sources) - _SHOWN
    return ", ".join(sources[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
