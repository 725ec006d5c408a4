"""Strategies by the name that an agent's definition uses."""

from collections.abc import Mapping

from hortus_agents.loop.plan_execute import PlanExecuteStrategy
from hortus_agents.loop.react import ReactStrategy
from hortus_agents.loop.step import Strategy
from hortus_agents.spec import Strategy as StrategyName

STRATEGIES: Mapping[StrategyName, Strategy] = {"react": ReactStrategy(), "plan_execute": PlanExecuteStrategy()}
