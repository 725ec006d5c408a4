import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { Card, TableBox } from "../components/page";
import { clipped } from "../text/format";
import { tame } from "../text/visible";
import { BOX, type Edge, type Node, type Placed, placeNodes } from "./layers";

const LETTERS = { kind: 24, text: 20 } as const; // as many wide ones as fit into a box

interface Drawn {
  title: string;
  nodes: readonly Node[];
  edges: readonly Edge[];
}

/** What came from what, as a picture that reads from left to right, with the table behind it. */
export function Graph({ title, nodes, edges }: Drawn): ReactNode {
  const [asTable, setAsTable] = useState(false);
  return (
    <Card
      title={title}
      aside={
        <button type="button" className="button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {asTable ? "Show the picture" : "Show as a table"}
        </button>
      }
    >
      {asTable ? <EdgeTable title={title} nodes={nodes} edges={edges} /> : <Picture {...{ title, nodes, edges }} />}
    </Card>
  );
}

function Picture({ title, nodes, edges }: Drawn): ReactNode {
  const { nodes: placed, width, height } = placeNodes(nodes);
  const by = new Map(placed.map((node) => [node.id, node]));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="scroll card-body" tabIndex={0} aria-label={`${title}, picture`}>
      {/* biome-ignore lint/a11y/useSemanticElements: SVG has no element for a group of links */}
      <svg className="graph" width={width + 2} height={height + 2} role="group" aria-label={title}>
        {edges.map((edge) => {
          const [from, to] = [by.get(edge.from), by.get(edge.to)];
          return from && to ? <Curve key={`${edge.from} ${edge.to}`} from={from} to={to} how={edge.how} /> : null;
        })}
        {placed.map((node) =>
          node.to ? (
            <Link key={node.id} to={node.to}>
              <Box node={node} />
            </Link>
          ) : (
            <g key={node.id}>
              <Box node={node} />
            </g>
          ),
        )}
      </svg>
    </section>
  );
}

function Box({ node }: { node: Placed }): ReactNode {
  return (
    <g transform={`translate(${node.x + 1} ${node.y + 1})`}>
      <title>{`${node.kind} ${node.text}`}</title>
      <rect width={BOX.width} height={BOX.height} rx={6} />
      <text className="graph-kind" x={10} y={17}>
        {clipped(node.kind, LETTERS.kind)}
      </text>
      <text x={10} y={35}>
        {tame(clipped(node.text, LETTERS.text))}
      </text>
    </g>
  );
}

function Curve({ from, to, how }: { from: Placed; to: Placed; how: string }): ReactNode {
  const [x1, y1] = [from.x + BOX.width + 1, from.y + BOX.height / 2 + 1];
  const [x2, y2] = [to.x + 1, to.y + BOX.height / 2 + 1];
  const bend = (x2 - x1) / 2;
  return (
    <path d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`}>
      <title>{how}</title>
    </path>
  );
}

function EdgeTable({ title, nodes, edges }: Drawn): ReactNode {
  const by = new Map(nodes.map((node) => [node.id, node]));
  return (
    <TableBox label={`${title} as a table`}>
      <thead>
        <tr>
          <th>From</th>
          <th>How</th>
          <th>To</th>
        </tr>
      </thead>
      <tbody>
        {edges.map((edge) => (
          <tr key={`${edge.from} ${edge.to}`}>
            <td>
              <End node={by.get(edge.from)} />
            </td>
            <td className="muted">{edge.how}</td>
            <td>
              <End node={by.get(edge.to)} />
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}

function End({ node }: { node: Node | undefined }): ReactNode {
  if (!node) return "–";
  return (
    <>
      <span className="muted small">{node.kind}</span> {node.to ? <Link to={node.to}>{node.text}</Link> : node.text}
    </>
  );
}
