"""What synthesis asks of a model: a signature, cases, sources, and one independent reference."""

import re
from collections.abc import Sequence

from hortus_agents.errors import StructureError
from hortus_agents.evolution.cases import Case, example_case, example_text, generated_cases
from hortus_agents.evolution.powers import narrowed, told_to_tester, told_to_writer
from hortus_agents.evolution.prompts import cases_messages, cases_schema, signature_messages, source_messages
from hortus_agents.evolution.signature import SIGNATURE_SCHEMA, Signature, read_signature
from hortus_agents.evolution.static_check import StaticCheckError, check_source, clean_source
from hortus_agents.loop.recorded_model import RecordedModel
from hortus_agents.messages import ChatRequest, Message
from hortus_agents.models.structured import ask_json, complete
from hortus_agents.tools.builtin.request_capability import CapabilityRequest
from hortus_agents.tools.capability import ToolPermissions

_SIGNATURE_TOKENS = 300
_SOURCE_TOKENS = 600
_CASES_TOKENS = 500
_RETRY_TEMPERATURE = 0.4  # at 0 a small model tends to repeat what was wrong
_REFERENCE_TEMPERATURE = 0.7
_REFERENCE_SEED = 7
_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)


class ToolWriter:
    """Asks for the parts of one tool. Every method raises ModelError; those that need structure StructureError."""

    def __init__(self, model: RecordedModel, request: CapabilityRequest, *, task: str) -> None:
        self._model = model
        self._request = request
        self._task = task
        self._example = example_text(request)
        self.permissions = request.permissions
        self._powers = told_to_writer(request.permissions)

    async def ask_signature(self, taken: frozenset[str]) -> Signature:
        """What the tool is called, takes and returns."""
        messages = signature_messages(self._request.name, self._request.purpose, self._example)
        request = self._chat(messages, max_tokens=_SIGNATURE_TOKENS)
        answer = await ask_json(self._model, request, SIGNATURE_SCHEMA, purpose="capability.signature")
        try:
            return read_signature(answer.value, taken=taken)
        except ValueError as error:
            raise StructureError(f"the signature is not usable: {error}", text=answer.calls[-1].text) from error

    async def ask_source(self, signature: Signature, failed: Sequence[tuple[str, str]]) -> str:
        """A source; `failed` are the earlier ones with what was wrong."""
        messages = source_messages(
            signature, purpose=self._request.purpose, example=self._example, failed=failed, powers=self._powers
        )
        request = self._chat(messages, max_tokens=_SOURCE_TOKENS, purpose="capability.source")
        if failed:
            temperature = _RETRY_TEMPERATURE * len(failed)
            request = request.model_copy(update={"temperature": temperature, "seed": len(failed)})
        return extract_source((await complete(self._model, request)).text)

    async def ask_reference(self, signature: Signature) -> str | None:
        """An independent sample of the same function; None when it is not fit to run."""
        messages = source_messages(
            signature, purpose=self._request.purpose, example=self._example, another_way=True, powers=self._powers
        )
        request = self._chat(messages, max_tokens=_SOURCE_TOKENS, purpose="capability.source").model_copy(
            update={"temperature": _REFERENCE_TEMPERATURE, "seed": _REFERENCE_SEED}
        )
        source = extract_source((await complete(self._model, request)).text)
        try:
            self.check(signature, source)
        except StaticCheckError:
            return None
        return source

    def declares(self, source: str) -> ToolPermissions:
        """What a source needs of the permissions that were asked for."""
        return narrowed(self.permissions, source)

    def check(self, signature: Signature, source: str) -> None:
        """Raise StaticCheckError for a source that must not run, by what was asked for."""
        parameters = [name for name, _ in signature.parameters]
        check_source(source, function=signature.name, parameters=parameters, permissions=self.permissions)

    async def ask_cases(self, signature: Signature, source: str) -> list[Case]:
        """The requester's example, if it fits, and a model's cases; the example alone where the model gives none."""
        # What calls of tools would give back is in no example, so that it can be no case of a tool that makes them.
        declared = self.declares(source)
        answered = bool(declared.tools)
        more = told_to_tester(declared)
        messages = cases_messages(signature, purpose=self._request.purpose, example=self._example, more=more)
        request = self._chat(messages, max_tokens=_CASES_TOKENS)
        own = None if answered else example_case(self._request, signature, task=self._task)
        cases = [own] if own is not None else []
        try:
            answer = await ask_json(
                self._model, request, cases_schema(signature, answered=answered), purpose="capability.tests"
            )
        except StructureError:
            return cases  # what is left may still be enough; the judge says so if not
        return cases + [
            case
            for case in generated_cases(answer.value, answered=answered)
            if own is None or case.arguments != own.arguments
        ]

    def _chat(self, messages: tuple[Message, ...], *, max_tokens: int, purpose: str = "") -> ChatRequest:
        metadata = {"purpose": purpose} if purpose else {}
        return ChatRequest(model=self._model.name, messages=messages, max_tokens=max_tokens, metadata=metadata)


def extract_source(text: str) -> str:
    """The code in a reply: its fence with the definition, or all of it."""
    blocks = _FENCE.findall(text)
    source = next((block for block in blocks if "def " in block), blocks[0] if blocks else text)
    try:
        return clean_source(source) or source
    except StaticCheckError:
        return str(source)  # the check that follows names the error
