"""From a missing capability to a tested tool: look first, then signature, source, cases, sandbox, activation.

Every stage can be run again after a crash: finished model calls are answered from the log (`RecordedModel`), the
store recognises its rows, and a candidate of this call that is active already is returned as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from hortus_agents.errors import ModelError, SandboxError, StructureError, ToolFailedError
from hortus_agents.events import (
    CapabilityProposed,
    CapabilityRequested,
    CapabilityReused,
    CapabilityTested,
)
from hortus_agents.evolution.announcing import activated_event, checked_event, proposer_of, quarantined_event
from hortus_agents.evolution.cases import Case, example_case, same
from hortus_agents.evolution.gates import ToolGates
from hortus_agents.evolution.judge import DETERMINISM_CASES, CaseResult, Judgement, judge, run_cases
from hortus_agents.evolution.negative import Subject
from hortus_agents.evolution.ports import Candidate, CapabilityStore, StoredCandidate, TestReport
from hortus_agents.evolution.signature import TYPES, Signature
from hortus_agents.evolution.static_check import StaticCheckError
from hortus_agents.evolution.writer import ToolWriter
from hortus_agents.labels import Label
from hortus_agents.loop.recorded_model import RecordedModel
from hortus_agents.models.port import ChatModel
from hortus_agents.sandbox.contract import Sandbox
from hortus_agents.spec import BUILTIN_TOOLS
from hortus_agents.tools.builtin.request_capability import CapabilityRequest, Obtained
from hortus_agents.tools.capability import Capability, ScoredCapability
from hortus_agents.tools.port import ToolContext

ATTEMPTS = 3
REUSE_SCORE = 0.6
_LOOK_AT = 5  # library hits


@dataclass(frozen=True, slots=True)
class Synthesiser:
    """Finds or makes tools with one model; stateless between calls.

    `reuse_score` is the library's score from which a confident hit counts as the same capability.
    """

    model: ChatModel
    store: CapabilityStore
    gates: ToolGates
    attempts: int = ATTEMPTS
    reuse_score: float = REUSE_SCORE

    @property
    def sandbox(self) -> Sandbox:
        """Where candidates run: the gates' own."""
        return self.gates.sandbox

    async def obtain(self, request: CapabilityRequest, context: ToolContext) -> Obtained:
        """See CapabilitySource."""
        await context.emit([CapabilityRequested(call_id=context.call_id, name=request.name, purpose=request.purpose)])
        stored = await self.store.of_call(context.tenant_id, run_id=context.run_id, call_id=context.call_id)
        waiting = next((candidate for candidate in stored if candidate.state == "quarantined"), None)
        if waiting is not None:
            raise ToolFailedError(f"{waiting.capability.name} waits for a person to enable it. Do without it.")
        active = next((candidate.capability for candidate in stored if candidate.state == "active"), None)
        if active is not None:
            await context.emit([activated_event(active, context)])
            return Obtained(active, reused=False)
        hits = await self.store.find(context.tenant_id, f"{request.name}: {request.purpose}", _LOOK_AT)
        near = await self._near(hits, request, context)
        if near is not None:
            return near
        try:
            return await _Making(self, request, context).make(_taken(hits, self.reuse_score, context.spec.plugins))
        except (ModelError, StructureError, SandboxError) as error:
            raise ToolFailedError(f"could not make {request.name}: {error}") from error

    async def _near(
        self, hits: Sequence[ScoredCapability], request: CapabilityRequest, context: ToolContext
    ) -> Obtained | None:
        """A library tool that means the same and, where the requester gave an example that it can take, holds it."""
        for hit in hits:
            if not hit.confident or hit.score < self.reuse_score:
                continue
            if await self._breaks_example(hit.capability, request, context):
                continue
            capability = hit.capability
            await context.emit(
                [
                    CapabilityReused(
                        name=capability.name,
                        tool_id=capability.tool_id,
                        tool_version_id=capability.version_id,
                        version=capability.version,
                        score=hit.score,
                        label=capability.label,
                    )
                ]
            )
            return Obtained(capability, reused=True)
        return None

    async def _breaks_example(self, capability: Capability, request: CapabilityRequest, context: ToolContext) -> bool:
        signature = _signature_of(capability)
        if signature is None:
            return False
        case = example_case(request, signature, task=context.task)
        if capability.permissions.tools or case is None or case.origin != "user":
            return False  # a model's own guess of the result is no reason to write a tool anew
        outcome = (await run_cases(self.sandbox, capability.source, signature=signature, cases=[case]))[0]
        return bool(outcome.error) or not same(outcome.value, case.expected)


class _Making:
    """One synthesis: signature and cases once, then sources until one passes."""

    def __init__(self, parts: Synthesiser, request: CapabilityRequest, context: ToolContext) -> None:
        self._parts = parts
        self._context = context
        self._writer = ToolWriter(RecordedModel(parts.model, context), request, task=context.task)
        self._reference: str | None = None
        self._reference_asked = False
        self._proposals = 0

    async def make(self, taken: frozenset[str]) -> Obtained:
        """The activated tool. Raises ToolFailedError, ModelError, StructureError, SandboxError."""
        signature = await self._writer.ask_signature(taken)
        cases: list[Case] | None = None
        failed: list[tuple[str, str]] = []
        while len(failed) < self._parts.attempts:
            source = await self._writer.ask_source(signature, failed)
            candidate, attempt = await self._propose(signature, source)
            try:
                self._writer.check(signature, source)
            except StaticCheckError as error:
                await self._reject_unrun(candidate, attempt, f"static check: {error}")
                failed.append((source, str(error)))
                continue
            if cases is None:
                cases = await self._writer.ask_cases(signature, source)
            judgement = await self._test(signature, source, cases)
            if await self._settle(candidate, attempt, judgement):
                obtained, refusal = await self._admit(candidate, attempt)
                if obtained is not None:
                    return obtained
                failed.append((source, refusal))
                continue
            failed.append((source, judgement.reason))
            if (reference := self._vindicated(judgement)) is not None:
                swapped = await self._try_reference(signature, reference, cases, judgement)
                if swapped is not None:
                    return swapped
        raise ToolFailedError(
            f"could not make {signature.name} in {self._parts.attempts} attempts; the last one: {failed[-1][1][:300]}. "
            "Do without it."
        )

    async def _propose(self, signature: Signature, source: str) -> tuple[StoredCandidate, int]:
        """Store a candidate; the number counts those of this call, a reference in a candidate's place included."""
        context = self._context
        self._proposals += 1
        attempt = self._proposals
        stored = await self._parts.store.propose(
            proposer_of(context),
            Candidate(
                name=signature.name,
                description=signature.description,
                parameters=signature.parameters_schema,
                returns=signature.returns_schema,
                source=source,
                function=signature.name,
                attempt=attempt,
                step=context.step,
                label=context.labels.mark(Label(origin="agent", trust=1)),
                permissions=self._writer.declares(source),
            ),
        )
        await context.emit(
            [
                CapabilityProposed(
                    call_id=context.call_id,
                    name=stored.capability.name,
                    attempt=attempt,
                    tool_id=stored.capability.tool_id,
                    tool_version_id=stored.capability.version_id,
                    source_sha256=sha256(source.encode()).hexdigest(),
                )
            ]
        )
        return stored, attempt

    async def _test(self, signature: Signature, source: str, cases: Sequence[Case]) -> Judgement:
        """Run the candidate; ask for the reference only once a candidate returns at all."""
        sandbox = self._parts.sandbox
        got = await run_cases(sandbox, source, signature=signature, cases=cases, repeat=DETERMINISM_CASES)
        first = judge(signature, cases, got, None)
        if first.passed and all(result.anchored or result.case.origin == "requester" for result in first.results):
            return first  # a requester's own guess of the result is the weakest witness
        if cases and all(outcome.error for outcome in got):
            return first
        if not self._reference_asked:
            self._reference_asked = True
            self._reference = await self._writer.ask_reference(signature)
        if self._reference is None:
            return first
        reference = await run_cases(sandbox, self._reference, signature=signature, cases=cases)
        return judge(signature, cases, got, reference)

    def _vindicated(self, judgement: Judgement) -> str | None:
        """The reference's source, where it and the expected values agree against the candidate."""
        lost = any(_lost_to_reference(result) for result in judgement.results)
        return self._reference if lost else None

    async def _try_reference(
        self, signature: Signature, source: str, cases: Sequence[Case], lost: Judgement
    ) -> Obtained | None:
        """Judge the reference in the candidate's place; its witness is now the candidate."""
        self._reference = None  # used up: it may not vouch for later candidates that copy it
        got = await run_cases(self._parts.sandbox, source, signature=signature, cases=cases, repeat=DETERMINISM_CASES)
        judgement = judge(signature, cases, got, [result.got for result in lost.results])
        if not judgement.passed:
            return None
        candidate, attempt = await self._propose(signature, source)
        await self._settle(candidate, attempt, judgement)
        return (await self._admit(candidate, attempt))[0]

    async def _settle(self, candidate: StoredCandidate, attempt: int, judgement: Judgement) -> bool:
        detail = judgement.detail if judgement.passed else f"{judgement.detail}; rejected: {judgement.reason}"
        rows = tuple(result.row for result in judgement.results)
        tier = self._parts.sandbox.tier
        report = TestReport(passed=judgement.passed, cases=rows, detail=detail, tier=tier)
        await self._record(candidate, attempt, report)
        return judgement.passed

    async def _reject_unrun(self, candidate: StoredCandidate, attempt: int, detail: str) -> None:
        await self._record(candidate, attempt, TestReport(passed=False, cases=(), detail=detail, tier="none"))

    async def _record(self, candidate: StoredCandidate, attempt: int, report: TestReport) -> None:
        version_id = candidate.capability.version_id
        await self._parts.store.record_test(proposer_of(self._context), version_id, report)
        await self._context.emit(
            [
                CapabilityTested(
                    call_id=self._context.call_id,
                    tool_version_id=version_id,
                    attempt=attempt,
                    passed=report.passed,
                    cases=len(report.cases),
                    detail=report.detail,
                    tier=report.tier,
                )
            ]
        )

    async def _admit(self, candidate: StoredCandidate, attempt: int) -> tuple[Obtained | None, str]:
        """Past the gates: the tool, or why there is none. Raises ToolFailedError where no other source would help."""
        capability, context = candidate.capability, self._context
        report = await self._parts.gates.check(
            Subject(capability.source, capability.function, capability.parameters, capability.permissions)
        )
        await context.emit([checked_event(capability, report, call_id=context.call_id, attempt=attempt)])
        settled = await self._parts.store.admit(proposer_of(context), capability.version_id, report)
        if settled.state == "active":
            await context.emit([activated_event(settled.capability, context)])
            return Obtained(settled.capability, reused=False, tier=report.negative.tier), ""
        if settled.state == "rejected":
            return None, report.reason
        await context.emit([quarantined_event(settled, context)])
        raise ToolFailedError(
            f"{capability.name} was made, and may not be used before a person enables it ({settled.reason}). "
            "Do without it."
        )


def _lost_to_reference(result: CaseResult) -> bool:
    reference = result.reference
    if reference is None or reference.error or result.verdict not in {"failed", "contradicted"}:
        return False
    return same(reference.value, result.case.expected)


def _taken(hits: Sequence[ScoredCapability], reuse_score: float, plugins: Sequence[str]) -> frozenset[str]:
    """Names that a new tool must not take: built-ins, its agent's plug-ins, library tools that mean something else."""
    others = {hit.capability.name for hit in hits if not hit.confident or hit.score < reuse_score}
    return frozenset({*BUILTIN_TOOLS, *plugins, *others})


def _signature_of(capability: Capability) -> Signature | None:
    """A stored tool's schemas in the terms of a signature, as far as they have such."""
    kinds = {name: _kind(schema) for name, schema in capability.parameters.get("properties", {}).items()}
    returns = _kind(capability.returns)
    if returns is None or None in kinds.values():
        return None
    parameters = tuple((name, kind) for name, kind in kinds.items() if kind is not None)
    return Signature(capability.function, capability.description, parameters, returns)


def _kind(schema: object) -> str | None:
    return next((name for name, (known, _) in TYPES.items() if known == schema), None)
