"""Whether a call may begin on the terms on which it was let through, asked in the commit that says that it begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hortus_agents.events import NewEvent, PolicyDecided, ToolCalled
from hortus_agents.tools.policy import RateTerm
from hortus_agents.tools.proxy import Terms
from hortus_agents.tools.rules import RateLimit
from hortus_server.domain.ids import PolicyId
from hortus_server.domain.policies import RateUse
from hortus_server.domain.records import LeaseSignal, Run
from hortus_server.ports.store import UnitOfWork


@dataclass(frozen=True, slots=True)
class Held:
    """`events` are to be written in the place of those that say that the call begins; `reason` is a denial's."""

    events: tuple[NewEvent, ...]
    stale: bool
    reason: str = ""


async def check_terms(
    uow: UnitOfWork,
    run: Run,
    events: Sequence[NewEvent],
    *,
    effect: int,
    terms: Terms | None,
    signal: LeaseSignal,
) -> Held | None:
    """None where the call may begin; under a rule with a rate it is counted then.

    Nothing is asked of the database but for a rule with a rate: `signal` tells the revision of the policies. A call of
    class 0 needs no policies, and goes on where they could not be read.
    """
    revision = None if terms is None else terms.revision
    if terms is None or revision is None:
        return None if effect == 0 else Held(before_call(events), stale=True)
    if revision != signal.policy_revision:
        return Held(before_call(events), stale=True)
    rate = terms.verdict.rate
    if rate is None or rate.policy.id is None:
        return None
    use = RateUse(PolicyId(rate.policy.id), rate.rule, _subject(run, rate.limit), rate.limit)
    frees_in_s = await uow.rulings.use_rate(run.tenant_id, use)
    if frees_in_s is None:
        return None
    denied = _denied(events[-1], rate, effect=effect, frees_in_s=frees_in_s)
    return Held((*before_call(events), events[-1].model_copy(update={"payload": denied})), False, denied.reason)


def before_call(events: Sequence[NewEvent]) -> tuple[NewEvent, ...]:
    """What was noted before the last event, less the decision that let it through."""
    if not events:
        return ()
    kept, last = events[:-1], events[-1].payload
    if not isinstance(last, ToolCalled):
        return tuple(kept)
    return tuple(
        event
        for event in kept
        if not (isinstance(event.payload, PolicyDecided) and event.payload.call_id == last.call_id)
    )


def _subject(run: Run, limit: RateLimit) -> UUID:
    return {"tenant": run.tenant_id, "agent": run.agent_id, "session": run.session_id}[limit.per]


def _denied(called: NewEvent, rate: RateTerm, *, effect: int, frees_in_s: float) -> PolicyDecided:
    payload, limit = called.payload, rate.limit
    if not isinstance(payload, ToolCalled):
        raise TypeError(f"{type(payload).__name__} begins no call")
    reason = (
        f"the rule {rate.rule} lets this happen {limit.calls} times in {limit.window_s} s for one {limit.per}, "
        f"and there is room again in {frees_in_s:.0f} s"
    )
    return PolicyDecided(
        call_id=payload.call_id,
        name=payload.name,
        side_effect=effect,
        effect="deny",
        rule=rate.rule,
        policy=rate.policy.name,
        policy_id=rate.policy.id,
        policy_version=rate.policy.version,
        reason=reason,
    )
