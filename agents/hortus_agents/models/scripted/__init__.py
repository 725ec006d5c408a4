"""The scripted model: a real HTTP server for tests, demonstrations without a model, and load tests."""

from hortus_agents.models.scripted.recorder import RequestRecord
from hortus_agents.models.scripted.script import (
    Condition,
    ErrorReply,
    Reply,
    Rule,
    Script,
    ScriptedCall,
    load_script,
    parse_script,
)
from hortus_agents.models.scripted.server import ScriptedModel, run_scripted_model

__all__ = [
    "Condition",
    "ErrorReply",
    "Reply",
    "RequestRecord",
    "Rule",
    "Script",
    "ScriptedCall",
    "ScriptedModel",
    "load_script",
    "parse_script",
    "run_scripted_model",
]
