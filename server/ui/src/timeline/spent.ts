import { money } from "../budget/share";
import { count } from "../text/format";
import type { Span } from "./span";

/** What a span used up: `1,234 + 56 tokens, 0.0012`; nothing where it used nothing. */
export function spentWords(span: Pick<Span, "tokens" | "costMicros">): string {
  const tokens = span.tokens && `${count(span.tokens.prompt)} + ${count(span.tokens.completion)} tok`;
  const cost = span.costMicros !== null && span.costMicros > 0 && money(span.costMicros);
  return [tokens, cost].filter(Boolean).join(", ");
}
