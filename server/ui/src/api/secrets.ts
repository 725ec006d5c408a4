import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import { page, paged, SLOW_MS } from "./queries";
import type { SecretChange, SecretPage, SecretView, SecretWrite } from "./schema.gen";

export const secretsQuery = infiniteQueryOptions({
  queryKey: ["secrets"],
  queryFn: ({ pageParam }) => body(api.GET("/v1/secrets", { params: { query: page(pageParam) } })),
  ...paged,
  refetchInterval: SLOW_MS,
});

/** Whether there is a secret of this name: to store it once more would replace it. */
export async function hasSecret(name: string): Promise<boolean> {
  for (let cursor: string | null = null; ; ) {
    const listed: SecretPage = await body(api.GET("/v1/secrets", { params: { query: page(cursor) } }));
    if (listed.items.some((each) => each.name === name)) return true;
    if (listed.next_cursor === null) return false;
    cursor = listed.next_cursor;
  }
}

/** Sets a secret, or gives it a new value; the answer never holds it. */
export function setSecret(name: string, write: SecretWrite): Promise<SecretView> {
  return body(api.PUT("/v1/secrets/{name}", { params: { path: { name } }, body: write })) as Promise<SecretView>;
}

/** Changes where it may be sent and who may use it; the value stays. */
export function changeSecret(name: string, change: SecretChange): Promise<SecretView> {
  return body(api.PATCH("/v1/secrets/{name}", { params: { path: { name } }, body: change })) as Promise<SecretView>;
}

export function deleteSecret(name: string): Promise<unknown> {
  return body(api.DELETE("/v1/secrets/{name}", { params: { path: { name } } }));
}
