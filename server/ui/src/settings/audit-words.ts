/** What can be asked of the audit log; it lives in the page's address. */
export interface AuditFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly since?: string;
  readonly until?: string;
}

export const FILTERS = ["actor", "action", "subject", "since", "until"] as const;

/** The filter that an address means; days become the moments at which they begin and end here. */
export function filterOf(params: URLSearchParams): AuditFilter {
  const filter: Record<string, string> = {};
  for (const name of FILTERS) {
    const value = params.get(name)?.trim();
    const said = value && asked(name, value);
    if (said) filter[name] = said;
  }
  return filter;
}

function asked(name: (typeof FILTERS)[number], value: string): string {
  if (name === "since" || name === "until") return moment(value, name === "until");
  return name === "action" ? actions(value) : value;
}

/** A family while it is typed and without its star, too: no action is one word. */
function actions(text: string): string {
  const words = text.toLowerCase().replace(/[.*]+$/, "");
  return words === "" || (words.includes(".") && !/[.*]$/.test(text)) ? words : `${words}.*`;
}

function moment(day: string, isEnd: boolean): string {
  const at = new Date(`${day}T00:00:00`);
  if (Number.isNaN(at.getTime())) return day;
  if (isEnd) at.setDate(at.getDate() + 1);
  return at.toISOString();
}

/** Where the export of a filter is; the browser saves it by itself. */
export function exportPath(filter: AuditFilter): string {
  const query = new URLSearchParams(filter as Record<string, string>).toString();
  return `/v1/audit/export${query ? `?${query}` : ""}`;
}

const PAGES: Readonly<Record<string, string>> = {
  agent: "/agents",
  run: "/runs",
  session: "/sessions",
  memory: "/memory",
  policy: "/policies",
  tool: "/tools",
  schedule: "/schedules",
  webhook: "/webhooks",
};
const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** The page of what an entry is about, while there may be one. */
export function pageOf(action: string, subject: string): string | null {
  const [kind = "", id = ""] = split(subject);
  if (action.endsWith(".deleted") || !ID.test(id)) return null;
  if (kind === "approval") return `/approvals?show=all&id=${id}`;
  return PAGES[kind] ? `${PAGES[kind]}/${id}` : null;
}

/** `kind:id`, apart. */
export function split(subject: string): readonly [string, string] {
  const colon = subject.indexOf(":");
  return colon < 0 ? [subject, ""] : [subject.slice(0, colon), subject.slice(colon + 1)];
}

/** Whether an entry tells of something that was refused, or of something that took rights or things away. */
export function toneOf(action: string): "bad" | "wait" | "quiet" {
  if (/\.(denied|refused|failed|blocked)$/.test(action)) return "bad";
  return /\.(deleted|revoked|disabled|disabled_everywhere|cancelled|placed)$/.test(action) ? "wait" : "quiet";
}

/** A detail as short text: names with their values, those without one left out. */
export function shortDetail(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== "" && value !== undefined)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}
