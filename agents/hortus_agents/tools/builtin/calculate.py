"""Arithmetic without code execution."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from hortus_agents.errors import ToolRetryError
from hortus_agents.labels import Label
from hortus_agents.messages import ToolSpec
from hortus_agents.tools.port import SideEffect, ToolContext, ToolDefinition, ToolOutput

Number = int | float

MAX_LENGTH = 500  # characters of an expression
MAX_BITS = 13_000  # of any intermediate integer: about 3,900 digits, below Python's own bound on printing
MAX_FACTORIAL = 1_000

_SPEC = ToolSpec(
    name="calculate",
    description="Arithmetic, e.g. (3+4)*2**5, sqrt(2), factorial(9).",
    parameters={
        "type": "object",
        "properties": {"expression": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH}},
        "required": ["expression"],
        "additionalProperties": False,
    },
    example={"expression": "12*7"},
)


class CalculateTool:
    """`calculate(expression)`: numbers, operators, a few functions, nothing else."""

    @property
    def definition(self) -> ToolDefinition:
        """See Tool."""
        return ToolDefinition(_SPEC, SideEffect.READ, timeout_s=5.0, output=Label(origin="tool", trust=1))

    async def call(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:  # noqa: ARG002
        """See Tool."""
        try:
            return ToolOutput(str(evaluate(str(arguments["expression"]))))
        except (ValueError, ArithmeticError, TypeError) as error:
            raise ToolRetryError(f"cannot calculate that: {error}") from error


def evaluate(expression: str) -> Number:
    """The value of an arithmetic expression.

    Raises:
        ValueError: It is no arithmetic, or a number on the way grows beyond MAX_BITS.
        ArithmeticError: Division by zero, float overflow.
        TypeError: A function got the wrong number of arguments.
    """
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"longer than {MAX_LENGTH} characters")
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval")
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError("not an arithmetic expression") from error
    return _value(tree.body)


def _value(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=bool()):
            raise ValueError("only numbers are allowed")
        case ast.Constant(value=int() | float() as number):
            return _checked(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _checked(_OPERATORS[type(op)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _checked(_FUNCTIONS[name](*[_value(arg) for arg in args]))
        case _:
            raise ValueError(f"{ast.unparse(node)[:60]!r} is not allowed")


def _checked(number: Any) -> Number:
    if isinstance(number, int) and number.bit_length() > MAX_BITS:
        raise ValueError("the number is too large")
    if isinstance(number, int | float):
        return number
    raise ArithmeticError("the result is not a real number")


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and abs(exponent) * max(base.bit_length(), 1) > MAX_BITS:
        raise ValueError("the power is too large")
    return _checked(base**exponent)


def _factorial(number: Number) -> Number:
    if not isinstance(number, int) or not 0 <= number <= MAX_FACTORIAL:
        raise ValueError(f"factorial takes an integer from 0 to {MAX_FACTORIAL}")
    return math.factorial(number)


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs, "round": round, "min": min, "max": max, "sqrt": math.sqrt, "floor": math.floor, "ceil": math.ceil,
    "log": math.log, "log2": math.log2, "log10": math.log10, "exp": math.exp, "sin": math.sin, "cos": math.cos,
    "tan": math.tan, "gcd": math.gcd, "factorial": _factorial,
}  # fmt: skip
_CONSTANTS = {"pi": math.pi, "e": math.e}
