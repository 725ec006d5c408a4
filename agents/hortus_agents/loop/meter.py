"""What a model's answer costs while it is being written, before the endpoint has said so."""

from hortus_agents.limits import LimitName
from hortus_agents.loop.state import RunState
from hortus_agents.loop.step import StepDeps
from hortus_agents.messages import ChatRequest, TextDelta, Usage

# Both err on the low side, so that no run is cut off that its budget would have carried.
_PROMPT_CHARS = 5  # characters of a prompt's token
_DELTA_CHARS = 6  # characters of an answer's token, where one piece of the stream holds several


class StreamMeter:
    """Counts one answer against what is left of the run's tokens and money, and of its tenant's day.

    Endpoints report usage only at an answer's end. Until then a piece of the stream is a token, or more if it is long;
    the prompt is as long as the run's last one was, which it extends, or estimated from its characters.
    """

    def __init__(self, request: ChatRequest, state: RunState, deps: StepDeps) -> None:
        self._prompt_tokens = state.prompt_tokens or _estimated_prompt(request)
        self._spent = state.spent
        self._limits = deps.limits
        self._price = deps.price
        self._day = deps.day
        self._pieces = 0
        self._chars = 0

    @property
    def usage(self) -> Usage:
        """The estimate so far."""
        tokens = max(self._pieces, self._chars // _DELTA_CHARS)
        return Usage(prompt_tokens=self._prompt_tokens, completion_tokens=tokens)

    def count(self, piece: TextDelta) -> LimitName | None:
        """Add a piece; the limit that is passed with it, or None."""
        self._pieces += 1
        self._chars += len(piece.text)
        usage = self.usage
        tokens = self._spent.tokens + usage.total_tokens
        cost_micros = self._spent.cost_micros + self._price.cost_micros(usage)
        if tokens > self._limits.tokens:
            return "tokens"
        bound = self._limits.cost_micros
        if bound is not None and cost_micros > bound:
            return "cost_micros"
        return self._day.passed(tokens, cost_micros)


def _estimated_prompt(request: ChatRequest) -> int:
    return sum(len(message.content) for message in request.messages) // _PROMPT_CHARS
