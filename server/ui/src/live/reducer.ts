import type { Event, ServerFrame } from "../api/schema.gen";

/** Events that were asked for and are no longer kept. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** Text of an answer that is still being written; `length` counts Unicode code points, as the server does. */
export interface Partial {
  readonly text: string;
  readonly length: number;
  readonly restarts: number;
}

/**
 * What this page has of one session's log: the events above `base` up to `cursor`, without a hole except for `gaps`.
 * `stale` means that something is missing which only a new read from `cursor` brings back.
 */
export interface SessionLog {
  readonly base: number;
  readonly cursor: number;
  readonly events: readonly Event[];
  readonly partials: ReadonlyMap<string, Partial>;
  readonly gaps: readonly Gap[];
  readonly stale: boolean;
}

export type LogAction =
  | { readonly kind: "frames"; readonly sessionId: string; readonly frames: readonly ServerFrame[] }
  | { readonly kind: "earlier"; readonly events: readonly Event[]; readonly base: number }
  | { readonly kind: "reconnected" }
  | { readonly kind: "reset"; readonly log: SessionLog };

const TERMINAL = new Set(["run.succeeded", "run.failed", "run.cancelled", "run.budget_exhausted"]);

/** A log of which the events up to `base` are not loaded. */
export function emptyLog(base = 0): SessionLog {
  return { base, cursor: base, events: [], partials: new Map(), gaps: [], stale: false };
}

/** A log that begins with what REST gave. */
export function logOf(events: readonly Event[], base: number): SessionLog {
  return reduceLog(emptyLog(base), {
    kind: "frames",
    sessionId: events[0]?.session_id ?? "",
    frames: events.map((event) => ({ type: "event", event })),
  });
}

/** The next state; pure, and the same object where nothing changed. */
export function reduceLog(log: SessionLog, action: LogAction): SessionLog {
  switch (action.kind) {
    case "frames":
      return take(log, action.sessionId, action.frames);
    case "earlier":
      return prepend(log, action.events, action.base);
    case "reconnected":
      return log.stale ? { ...log, stale: false } : log;
    case "reset":
      return action.log;
  }
}

/** One batch; arrays are copied once, however many frames there are. */
function take(log: SessionLog, sessionId: string, frames: readonly ServerFrame[]): SessionLog {
  const draft = new Draft(log);
  for (const frame of frames) {
    switch (frame.type) {
      case "event":
        if (frame.event.session_id === sessionId) draft.event(frame.event);
        break;
      case "delta":
        if (frame.session_id === sessionId) draft.delta(frame.message_id, frame.index, frame.text);
        break;
      case "snapshot":
        if (frame.session_id === sessionId) draft.snapshot(frame.message_id, frame.text);
        break;
      case "gap":
        if (frame.session_id === sessionId) draft.gap(frame.from, frame.to, frame.reason);
        break;
      case "heartbeat":
      case "reply":
      case "error":
        break;
    }
  }
  return draft.done();
}

function prepend(log: SessionLog, events: readonly Event[], base: number): SessionLog {
  const known = log.events[0]?.seq ?? log.cursor + 1;
  const earlier = events.filter((event) => event.seq < known && event.seq > base);
  return base < log.base ? { ...log, base, events: [...earlier, ...log.events] } : log;
}

class Draft {
  private cursor: number;
  private stale: boolean;
  private added: Event[] = [];
  private partials: Map<string, Partial> | null = null;
  private gaps: Gap[] | null = null;

  constructor(private readonly log: SessionLog) {
    this.cursor = log.cursor;
    this.stale = log.stale;
  }

  event(event: Event): void {
    if (event.seq <= this.cursor) return;
    if (event.seq > this.cursor + 1) {
      // Never a silent hole: what is missing is read again from the cursor.
      this.stale = true;
      return;
    }
    this.cursor = event.seq;
    this.added.push(event);
    const { payload } = event;
    if (payload.type === "model.called" || payload.type === "message.completed") this.drop(payload.message_id);
    if (payload.type === "message.restarted") {
      const before = this.partial(payload.message_id);
      this.put(payload.message_id, { text: "", length: 0, restarts: (before?.restarts ?? 0) + 1 });
    }
    if (TERMINAL.has(event.type) && this.current().size > 0) this.partials = new Map();
  }

  delta(id: string, index: number, text: string): void {
    const have = this.partial(id) ?? { text: "", length: 0, restarts: 0 };
    if (index > have.length) {
      this.stale = true;
      return;
    }
    const points = Array.from(text);
    const fresh = points.slice(have.length - index);
    if (fresh.length === 0) return;
    this.put(id, { ...have, text: have.text + fresh.join(""), length: have.length + fresh.length });
  }

  snapshot(id: string, text: string): void {
    const length = Array.from(text).length;
    this.put(id, { text, length, restarts: this.partial(id)?.restarts ?? 0 });
  }

  gap(from: number, to: number, reason: string): void {
    if (to <= this.cursor) return;
    this.cursor = to;
    this.gaps = [...(this.gaps ?? this.log.gaps), { from, to, reason }];
  }

  done(): SessionLog {
    const { log } = this;
    const changed =
      this.cursor !== log.cursor || this.stale !== log.stale || this.partials !== null || this.gaps !== null;
    if (!changed) return log;
    return {
      base: log.base,
      cursor: this.cursor,
      events: this.added.length > 0 ? [...log.events, ...this.added] : log.events,
      partials: this.partials ?? log.partials,
      gaps: this.gaps ?? log.gaps,
      stale: this.stale,
    };
  }

  private current(): ReadonlyMap<string, Partial> {
    return this.partials ?? this.log.partials;
  }

  private partial(id: string): Partial | undefined {
    return this.current().get(id);
  }

  private put(id: string, partial: Partial): void {
    this.partials ??= new Map(this.log.partials);
    this.partials.set(id, partial);
  }

  private drop(id: string): void {
    if (!this.current().has(id)) return;
    this.partials ??= new Map(this.log.partials);
    this.partials.delete(id);
  }
}
