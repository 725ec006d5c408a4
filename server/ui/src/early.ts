/** How many events a conversation opens with: more than anybody reads at once. */
export const TAIL = 250;

const FRESH_MS = 10_000;
const ME = "/v1/me";
const SESSION = /^\/sessions\/([0-9a-f-]{36})$/;
const asked = new Map<string, Promise<Response>>();

/** Where the last events of a session are, as the API's client would ask for them. */
function tailPath(id: string, last: number): string {
  return `/v1/sessions/${id}/events?after=${Math.max(0, last - TAIL)}&limit=${TAIL}`;
}

/** Ask for what the page at an address needs first, while its code is still on its way. */
export function askEarly(pathname: string): void {
  if (pathname === "/join") return;
  void ask(ME);
  const id = SESSION.exec(pathname)?.[1];
  if (id !== undefined) void askSession(id);
}

async function askSession(id: string): Promise<void> {
  try {
    const answer = await ask(`/v1/sessions/${id}`);
    if (!answer.ok) return;
    const { last_seq } = (await answer.clone().json()) as { last_seq: number };
    await ask(tailPath(id, last_seq));
  } catch {
    // The page asks again, and says what is wrong.
  }
}

function ask(path: string): Promise<Response> {
  const answer = fetch(path, { headers: { Accept: "application/json" } });
  asked.set(path, answer);
  answer.catch(() => asked.delete(path));
  return answer;
}

/** The answer that was asked for early, once and while it is fresh; everything else is fetched. */
export async function fetchOrTake(request: Request): Promise<Response> {
  const path = request.url.slice(window.location.origin.length);
  const early = request.method === "GET" ? asked.get(path) : undefined;
  if (early === undefined) return fetch(request);
  asked.delete(path);
  if (performance.now() > FRESH_MS) return fetch(request);
  const answer = await early;
  // Only who we are may be answered by a refusal; anything else that was refused before a login is asked again.
  return answer.ok || path === ME ? answer : fetch(request);
}
