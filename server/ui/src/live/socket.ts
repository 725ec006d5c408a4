import type { ServerFrame } from "../api/schema.gen";

export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "waiting"; readonly retryAt: number; readonly attempt: number }
  | { readonly kind: "ended"; readonly code: number; readonly reason: string };

export interface SocketEvents {
  /** Where to resume; asked at every connect. */
  readonly cursor: () => number;
  readonly onFrames: (frames: readonly ServerFrame[]) => void;
  readonly onState: (state: ConnectionState) => void;
}

const SILENCE_MS = 40_000; // the server's heartbeat comes every 15 s
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 5_000;
// After these a reconnect would be refused again: signed out, no right, no such session, a cursor that is not one.
const FINAL_CODES = new Set([4401, 4403, 4404, 4422]);

/**
 * One session's stream, kept open: a lost connection is made again with the last cursor, at growing intervals.
 * Frames are handed over once per animation frame, so that fast tokens cost one rendering.
 */
export class SessionSocket {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private buffer: ServerFrame[] = [];
  private flushHandle = 0;
  private retryTimer = 0;
  private silenceTimer = 0;
  private closed = false;

  constructor(
    private readonly sessionId: string,
    private readonly events: SocketEvents,
  ) {}

  open(): void {
    window.addEventListener("online", this.reconnect);
    document.addEventListener("visibilitychange", this.onVisible);
    this.connect();
  }

  close(): void {
    this.closed = true;
    window.removeEventListener("online", this.reconnect);
    document.removeEventListener("visibilitychange", this.onVisible);
    this.forget();
  }

  /** Connect anew at once, from the cursor. */
  readonly reconnect = (): void => {
    if (this.closed) return;
    this.attempt = 0;
    this.connect();
  };

  private readonly onVisible = (): void => {
    const isOpen = this.socket?.readyState === WebSocket.OPEN;
    if (document.visibilityState === "visible" && !isOpen) this.reconnect();
  };

  private connect(): void {
    this.forget();
    this.events.onState({ kind: "connecting" });
    const scheme = window.location.protocol === "https:" ? "wss" : "ws";
    const path = `/v1/sessions/${this.sessionId}/stream?after=${this.events.cursor()}`;
    const socket = new WebSocket(`${scheme}://${window.location.host}${path}`);
    this.socket = socket;
    socket.onopen = () => {
      this.attempt = 0;
      this.watch();
      this.events.onState({ kind: "live" });
    };
    socket.onmessage = (message: MessageEvent<string>) => {
      this.watch();
      this.buffer.push(JSON.parse(message.data) as ServerFrame);
      this.schedule();
    };
    socket.onclose = (ending) => this.onClose(ending);
  }

  private onClose(ending: CloseEvent): void {
    this.flush();
    this.forget();
    if (this.closed) return;
    if (FINAL_CODES.has(ending.code)) {
      this.events.onState({ kind: "ended", code: ending.code, reason: ending.reason });
      return;
    }
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.attempt) * (0.75 + Math.random() / 2);
    this.attempt += 1;
    this.events.onState({ kind: "waiting", retryAt: Date.now() + wait, attempt: this.attempt });
    this.retryTimer = window.setTimeout(() => this.connect(), wait);
  }

  private watch(): void {
    window.clearTimeout(this.silenceTimer);
    this.silenceTimer = window.setTimeout(this.reconnect, SILENCE_MS);
  }

  private schedule(): void {
    if (this.flushHandle !== 0) return;
    // A hidden page gets no animation frames, but its cursor must move on.
    this.flushHandle = document.hidden
      ? window.setTimeout(() => this.flush(), 200)
      : window.requestAnimationFrame(() => this.flush());
  }

  private flush(): void {
    this.flushHandle = 0;
    const frames = this.buffer;
    this.buffer = [];
    if (frames.length > 0) this.events.onFrames(frames);
  }

  private forget(): void {
    window.clearTimeout(this.retryTimer);
    window.clearTimeout(this.silenceTimer);
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
  }
}
