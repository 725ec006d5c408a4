"""The tools of a run: built-ins over their ports, and the library's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hortus_agents.evolution.gates import ToolGates
from hortus_agents.evolution.ports import CapabilityStore
from hortus_agents.evolution.synthesise import Synthesiser
from hortus_agents.loop.quarantine import QuarantinedReader
from hortus_agents.loop.redacted_model import RedactedModel
from hortus_agents.models.port import ChatModel
from hortus_agents.sandbox.contract import Sandbox
from hortus_agents.spec import BuiltinTool
from hortus_agents.tools.builtin.ask_human import AskHumanTool
from hortus_agents.tools.builtin.calculate import CalculateTool
from hortus_agents.tools.builtin.http_get import HttpGetSettings, HttpGetTool
from hortus_agents.tools.builtin.python import PythonTool, StoreFile
from hortus_agents.tools.builtin.read_untrusted import LoadArtifact, ReadUntrustedTool
from hortus_agents.tools.builtin.recall import RecallTool
from hortus_agents.tools.builtin.remember import RememberTool
from hortus_agents.tools.builtin.request_capability import RequestCapabilityTool
from hortus_agents.tools.builtin.timer import SleepTool, WaitUntilTool
from hortus_agents.tools.memory import AgentMemory
from hortus_agents.tools.policy import ToolPolicy
from hortus_agents.tools.port import Tool
from hortus_agents.tools.proxy import StoreArtifact
from hortus_agents.tools.registry import EvolvedTools, ToolRegistry
from hortus_agents.tools.secrets import SecretSource


@dataclass(frozen=True, slots=True)
class ToolPorts:
    """What tools reach. A port that is None takes its tools away: no sandbox, no model-written code."""

    memory: AgentMemory | None = None
    store: CapabilityStore | None = None
    sandbox: Sandbox | None = None
    gates: ToolGates | None = None
    http: HttpGetSettings = field(default_factory=HttpGetSettings)
    policy: ToolPolicy | None = None
    store_artifact: StoreArtifact | None = None
    store_file: StoreFile | None = None
    load_artifact: LoadArtifact | None = None
    plugins: Mapping[str, Tool] = field(default_factory=dict)
    secrets: SecretSource | None = None


def build_registry(model: ChatModel, ports: ToolPorts) -> ToolRegistry:
    """The registry for a run whose model is `model`; cheap, made anew for each run."""
    if ports.secrets is not None:
        model = RedactedModel(model, ports.secrets)
    builtins: dict[BuiltinTool, Tool] = {
        "calculate": CalculateTool(),
        "http_get": HttpGetTool(ports.http, ports.secrets),
        "ask_human": AskHumanTool(),
        "sleep": SleepTool(),
        "wait_until": WaitUntilTool(),
        "read_untrusted": ReadUntrustedTool(QuarantinedReader(model), ports.load_artifact),
    }
    if ports.memory is not None:
        builtins["recall"] = RecallTool(ports.memory)
        builtins["remember"] = RememberTool(ports.memory)
    evolved: EvolvedTools | None = None
    if ports.sandbox is not None:
        builtins["python"] = PythonTool(ports.sandbox, ports.store_file)
        if ports.store is not None:
            builtins["request_capability"] = RequestCapabilityTool(
                Synthesiser(model, ports.store, ports.gates or ToolGates(ports.sandbox))
            )
            evolved = EvolvedTools(ports.store, ports.sandbox)
    return ToolRegistry(
        builtins,
        plugins=ports.plugins,
        evolved=evolved,
        policy=ports.policy,
        store_artifact=ports.store_artifact,
        secrets=ports.secrets,
    )
