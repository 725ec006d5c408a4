import type { ReactNode } from "react";
import { Dialog } from "../components/dialog";

const KEYS: readonly { readonly keys: readonly string[]; readonly what: string }[] = [
  {
    keys: ["Ctrl", "K"],
    what: "jump to a page, an id, an agent, a tool, a session, a run or a memory; freeze everything",
  },
  { keys: ["?"], what: "this list" },
  { keys: ["Esc"], what: "close what is open" },
  { keys: ["↑", "↓"], what: "move in lists of the palette and in a timeline; Enter opens" },
  { keys: ["J", "K"], what: "on Approvals: the next request, the one before" },
  { keys: ["A", "D"], what: "on Approvals: approve, deny" },
  { keys: ["Enter"], what: "in a conversation: send the message; with Shift a new line" },
];

/** `?`: what the keyboard does here. */
export function KeysHelp({ onClose }: { onClose: () => void }): ReactNode {
  return (
    <Dialog title="Keys" submit={null} onSubmit={onClose} onClose={onClose}>
      <dl className="keys">
        {KEYS.map(({ keys, what }) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
