import createClient, { type Middleware } from "openapi-fetch";
import { fetchOrTake } from "../early";
import { ApiError } from "./problem";
import type { Problem, paths } from "./schema.gen";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

async function problemOf(response: Response): Promise<Partial<Problem>> {
  try {
    return (await response.json()) as Partial<Problem>;
  } catch {
    return { title: "The answer cannot be read", detail: `the server answered ${response.status} without a reason` };
  }
}

const edge: Middleware = {
  onRequest({ request }) {
    if (!SAFE.has(request.method)) request.headers.set("X-Hortus-CSRF", "1");
    return request;
  },
  async onResponse({ response, schemaPath }) {
    // Readiness answers 503 with its usual document: that is an answer, not an error.
    if (response.ok || schemaPath === "/readyz") return response;
    throw new ApiError(await problemOf(response), response.status);
  },
  onError({ error }) {
    if (error instanceof Error && error.name === "AbortError") return error;
    return new ApiError({ code: "unreachable", title: "The server does not answer", detail: "no connection" }, 0);
  },
};

export const api = createClient<paths>({ baseUrl: window.location.origin, fetch: fetchOrTake });
api.use(edge);

/** The body of an answer; errors were thrown before. */
export async function body<T>(call: Promise<{ data?: T }>): Promise<T> {
  const { data } = await call;
  return data as T;
}

/** A key under which a create may be sent again without being done twice. */
export function idempotencyKey(): { "idempotency-key": string } {
  return { "idempotency-key": newId() };
}

/** Random, also where the page is not a secure context and `randomUUID` is missing. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
