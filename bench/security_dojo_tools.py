"""AgentDojo's tools as an installation would declare them: how far each reaches, and whose words it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from bench.security_desk import OURS, Facts, Ledger
from hortus_agents.errors import ToolFailedError
from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.policy import PolicyRef, ToolPolicy
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput
from hortus_agents.tools.rulebook import RulePolicy
from hortus_agents.tools.rules import PolicyRules

PERSONAL: Final = Label(origin="tool", trust=1, sensitivity=2, source="the user's own data")
READS: Final = Facts()  # declares nothing: mails, files, messages, pages, reviews are anybody's


def _sends(*content: str) -> Facts:
    return Facts(SideEffect.EXTERNAL, OURS, content=content)


FACTS: Final[Mapping[str, Facts]] = {
    # what the server or the user's own account says
    "get_current_day": Facts(output=OURS),
    "get_iban": Facts(output=OURS),
    "get_balance": Facts(output=OURS),
    "get_user_info": Facts(output=OURS),
    "get_user_information": Facts(output=PERSONAL),
    # workspace
    "send_email": _sends("subject", "body"),
    "create_calendar_event": _sends("title", "description"),
    "reschedule_calendar_event": _sends(),
    "cancel_calendar_event": _sends(),
    "add_calendar_event_participants": _sends(),
    "create_file": _sends("content"),
    "append_to_file": _sends("content"),
    "share_file": _sends(),
    "delete_file": Facts(SideEffect.IRREVERSIBLE, OURS),
    "delete_email": Facts(SideEffect.IRREVERSIBLE, OURS),
    # banking
    "send_money": Facts(SideEffect.IRREVERSIBLE, OURS, content=("subject",)),
    "schedule_transaction": _sends("subject"),
    "update_scheduled_transaction": _sends("subject"),
    "update_password": Facts(SideEffect.IRREVERSIBLE, OURS),
    "update_user_info": _sends(),
    # slack and the web
    "send_direct_message": _sends("body"),
    "send_channel_message": _sends("body"),
    "add_user_to_channel": _sends(),
    "invite_user_to_slack": _sends(),
    "remove_user_from_slack": Facts(SideEffect.IRREVERSIBLE, OURS),
    "get_webpage": Facts(SideEffect.EXTERNAL, Label(origin="web", trust=0), own_words=True),
    "download_file": Facts(SideEffect.EXTERNAL, Label(origin="web", trust=0), own_words=True),
    "post_webpage": _sends("content"),
    # travel
    "reserve_hotel": _sends(),
    "reserve_restaurant": _sends(),
    "reserve_car_rental": _sends(),
}

VOUCHED: Final = frozenset(
    {
        "check_restaurant_opening_hours",
        "get_all_car_rental_companies_in_city",
        "get_all_hotels_in_city",
        "get_all_restaurants_in_city",
        "get_car_fuel_options",
        "get_car_price_per_day",
        "get_car_rental_address",
        "get_car_types_available",
        "get_contact_information_for_restaurants",
        "get_cuisine_type_for_restaurants",
        "get_dietary_restrictions_for_all_restaurants",
        "get_flight_information",
        "get_hotels_address",
        "get_hotels_prices",
        "get_price_for_restaurants",
        "get_restaurants_address",
        "get_scheduled_transactions",
        "search_contacts_by_email",
        "search_contacts_by_name",
    }
)
"""Lists and catalogues without free text, for which an operator may vouch; names of channels are anybody's."""

SPOKEN_FOR: Final = frozenset(
    {
        "add_calendar_event_participants",
        "add_user_to_channel",
        "create_calendar_event",
        "create_file",
        "invite_user_to_slack",
        "reschedule_calendar_event",
        "reserve_car_rental",
        "reserve_hotel",
        "reserve_restaurant",
        "schedule_transaction",
        "send_channel_message",
        "send_direct_message",
        "send_email",
        "share_file",
        "update_user_info",
    }
)
"""Tools that an operator lets do what stands whole in the user's own words, whatever the run has read."""

OPERATOR_RULES: Final = PolicyRules.model_validate(
    {
        "rules": [
            {
                "name": "small-payments",
                "tools": ["send_money"],
                "arguments": {"properties": {"amount": {"type": "number", "maximum": 1000}}, "required": ["amount"]},
                "effect": "allow",
                "irreversible": True,
            },
            {
                "name": "deletions",
                "tools": ["delete_file", "delete_email", "update_password", "remove_user_from_slack"],
                "untrusted": False,
                "effect": "allow",
                "irreversible": True,
                "reason": "nobody but the user has had a say in this run",
            },
            {
                "name": "few-invitations",
                "tools": ["invite_*"],
                "effect": "allow",
                "rate": {"calls": 5, "window_s": 3600},
            },
        ]
    }
)


def operator_policy() -> ToolPolicy:
    """What an operator of such a desk might write."""
    return RulePolicy([(PolicyRef("desk"), OPERATOR_RULES)], revision=1)


def facts_of(name: str, *, operator: bool) -> Facts:
    """How a tool is declared; by an `operator` who knows what it serves."""
    facts = FACTS.get(name, READS)
    if operator and name in VOUCHED:
        facts = replace(facts, output=OURS)
    return replace(facts, own_words=True) if operator and name in SPOKEN_FOR else facts


@dataclass(frozen=True)
class DojoTool:
    """A function of a suite over the environment of one case; `injected` stands where the environment says `mark`."""

    function: Any
    runtime: Any
    environment: Any
    ledger: Ledger
    facts: Facts
    render: Any
    mark: str
    injected: str

    @property
    def definition(self) -> ToolDefinition:
        spec = ToolSpec(
            name=self.function.name,
            description=self.function.description,
            parameters=self.function.parameters.model_json_schema(),
        )
        facts = self.facts
        return ToolDefinition(
            spec,
            facts.reach,
            output=facts.output,
            own_words=facts.own_words,
            content_arguments=facts.content,
        )

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:  # noqa: ARG002
        name = self.function.name
        result, error = self.runtime.run_function(self.environment, name, dict(arguments))
        if self.facts.reach >= SideEffect.EXTERNAL:
            self.ledger.effects.append((name, dict(arguments)))
        if error:
            raise ToolFailedError(str(error).replace(self.mark, self.injected))
        return ToolOutput(self.render(result).replace(self.mark, self.injected))


def as_json(value: Any) -> Any:
    """A value as it travels in a call."""
    return orjson.loads(orjson.dumps(value, default=str))
