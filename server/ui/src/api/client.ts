import createClient, { type Middleware } from "openapi-fetch";
import type { Problem, paths } from "./schema.gen";

/** What the server said instead of an answer (RFC 9457), or that nothing could be reached at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly requestId: string | null;
  readonly fields: readonly { readonly loc: readonly string[]; readonly msg: string }[];

  constructor(problem: Partial<Problem>, status: number) {
    super(problem.detail ?? problem.title ?? `the server answered ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.title = problem.title ?? "Something went wrong";
    this.requestId = problem.request_id ?? null;
    this.fields = problem.errors ?? [];
  }
}

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

export const api = createClient<paths>({ baseUrl: window.location.origin });
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
