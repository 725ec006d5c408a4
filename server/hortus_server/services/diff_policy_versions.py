"""What changed between two versions of a policy, rule by rule."""

from dataclasses import dataclass
from typing import Literal

from hortus_agents.tools.rules import Rule
from hortus_server.domain.ids import PolicyId, TenantId
from hortus_server.ports.store import Store

RuleChangeKind = Literal["added", "removed", "changed", "moved"]


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule that differs, by name; places count from 1. What is both changed and moved counts as changed."""

    rule: str
    kind: RuleChangeKind
    before: Rule | None
    after: Rule | None
    before_place: int | None
    after_place: int | None


async def diff_policy_versions(
    store: Store, tenant_id: TenantId, *, key: PolicyId | str, before: int, after: int
) -> tuple[RuleChange, ...]:
    """In the order of the later version, what was removed last. Raises NotFoundError."""
    async with store.transaction(tenant_id) as uow:
        policy = await uow.policies.get(tenant_id, key)
        old = await uow.policies.get_version(tenant_id, policy.id, before)
        new = await uow.policies.get_version(tenant_id, policy.id, after)
    return compare_rules(old.rules.rules, new.rules.rules)


def compare_rules(old: tuple[Rule, ...], new: tuple[Rule, ...]) -> tuple[RuleChange, ...]:
    """See `diff_policy_versions`. A rule has moved where its order among the rules of both versions is another."""
    was, now = {rule.name: rule for rule in old}, {rule.name: rule for rule in new}
    was_place = {rule.name: place for place, rule in enumerate(old, 1)}
    now_place = {rule.name: place for place, rule in enumerate(new, 1)}
    before_order = [name for name in was if name in now]
    after_order = [name for name in now if name in was]
    found = []
    for name in [*now, *(name for name in was if name not in now)]:
        kind: RuleChangeKind | None = None
        if name not in was:
            kind = "added"
        elif name not in now:
            kind = "removed"
        elif was[name] != now[name]:
            kind = "changed"
        elif before_order.index(name) != after_order.index(name):
            kind = "moved"
        if kind is not None:
            found.append(RuleChange(name, kind, was.get(name), now.get(name), was_place.get(name), now_place.get(name)))
    return tuple(found)
