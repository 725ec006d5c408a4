import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { askEarly, fetchOrTake } from "./early";

const ORIGIN = "http://hortus.test";
const ID = "01a202a2-d959-7327-83a2-09a0b159aac0";
const SESSION = `/v1/sessions/${ID}`;
let asked: string[] = [];
let answers: Record<string, () => Response> = {};

beforeEach(() => {
  asked = [];
  answers = {};
  vi.stubGlobal("window", { location: { origin: ORIGIN } });
  vi.stubGlobal("fetch", async (what: string | Request) => {
    const path = typeof what === "string" ? what : what.url.slice(ORIGIN.length);
    asked.push(path);
    return answers[path]?.() ?? Response.json({});
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const take = (path: string) => fetchOrTake(new Request(ORIGIN + path));
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

it("a conversation's end is asked for before its page wants it, once", async () => {
  answers[SESSION] = () => Response.json({ last_seq: 5048 });
  askEarly(`/sessions/${ID}`);
  await settle();
  const tail = `${SESSION}/events?after=4798&limit=250`;
  expect(asked).toEqual(["/v1/me", SESSION, tail]);
  for (const path of ["/v1/me", SESSION, tail]) await take(path);
  expect(asked).toHaveLength(3);
  await take(SESSION);
  expect(asked).toHaveLength(4);
});

it("what was refused before a login is asked again after it", async () => {
  const refused = () => Response.json({}, { status: 401 });
  answers = { "/v1/me": refused, [SESSION]: refused };
  askEarly(`/sessions/${ID}`);
  await settle();
  expect((await take("/v1/me")).status).toBe(401);
  delete answers[SESSION];
  expect((await take(SESSION)).status).toBe(200);
});

it("an early answer that nobody took for long is not taken any more", async () => {
  askEarly("/runs");
  await settle();
  vi.stubGlobal("performance", { now: () => 60_000 });
  await take("/v1/me");
  expect(asked).toEqual(["/v1/me", "/v1/me"]);
});
