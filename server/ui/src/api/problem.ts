import type { Problem } from "./schema.gen";

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

/** Nobody answered, or the server could not: it may be asked again. */
export function isOutage(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}
