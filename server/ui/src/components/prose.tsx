import { Fragment, memo, type ReactNode, useMemo } from "react";
import { type Block, type Inline, parseMarkdown } from "../text/markdown";
import { tokenise } from "../text/python";
import { tame, visible } from "../text/visible";

/** Text that a model wrote: a safe subset of Markdown, links with their host shown, nothing that loads by itself. */
export const Prose = memo(function Prose({ text }: { text: string }): ReactNode {
  const blocks = useMemo(() => parseMarkdown(tame(text)), [text]);
  return (
    <div className="prose">
      {blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a text's blocks have no other identity
        <BlockView key={index} block={block} />
      ))}
    </div>
  );
});

function BlockView({ block }: { block: Block }): ReactNode {
  switch (block.kind) {
    case "paragraph":
      return <p>{inline(block.children)}</p>;
    case "heading":
      return <h3>{inline(block.children)}</h3>;
    case "quote":
      return <blockquote>{inline(block.children)}</blockquote>;
    case "code":
      return <Code source={block.text} language={block.language} />;
    case "list": {
      const List = block.ordered ? "ol" : "ul";
      return (
        <List>
          {block.items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a text's items have no other identity
            <li key={index}>{inline(item)}</li>
          ))}
        </List>
      );
    }
  }
}

function inline(parts: readonly Inline[]): ReactNode {
  // biome-ignore lint/suspicious/noArrayIndexKey: a text's parts have no other identity
  return parts.map((part, index) => <Fragment key={index}>{inlinePart(part)}</Fragment>);
}

function inlinePart(part: Inline): ReactNode {
  switch (part.kind) {
    case "text":
      return part.text;
    case "code":
      return <code>{part.text}</code>;
    case "strong":
      return <strong>{inline(part.children)}</strong>;
    case "em":
      return <em>{inline(part.children)}</em>;
    case "link":
      return (
        <>
          <a href={part.href} target="_blank" rel="noreferrer noopener nofollow">
            {part.text}
          </a>{" "}
          <span className="host">({part.host})</span>
        </>
      );
  }
}

/** Source in a box; Python is coloured, everything else stays plain. */
export function Code({ source, language = "python" }: { source: string; language?: string }): ReactNode {
  const isPython = language === "python" || language === "py";
  const shown = tame(source);
  const tokens = useMemo(() => (isPython ? tokenise(shown) : null), [isPython, shown]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <pre className="code" tabIndex={0}>
      <code>
        {tokens === null
          ? shown
          : tokens.map((token, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: tokens have no other identity
              <span key={index} className={token.kind === "plain" ? undefined : `tok-${token.kind}`}>
                {token.text}
              </span>
            ))}
      </code>
    </pre>
  );
}

/** Source with the numbers of its lines beside it. */
export function Numbered({ source }: { source: string }): ReactNode {
  const shown = source.replace(/\n+$/, "");
  const lines = shown.split("\n").length;
  return (
    <div className="numbered">
      <pre className="code" aria-hidden="true">
        {Array.from({ length: lines }, (_, at) => at + 1).join("\n")}
      </pre>
      <Code source={shown} />
    </div>
  );
}

/** A value as JSON. */
export function Json({ value }: { value: unknown }): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <pre className="raw" tabIndex={0}>
      {visible(JSON.stringify(value, null, 2) ?? "")}
    </pre>
  );
}
