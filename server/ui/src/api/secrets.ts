import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import { page, paged, SLOW_MS } from "./queries";
import type { SecretView, SecretWrite } from "./schema.gen";

export const secretsQuery = infiniteQueryOptions({
  queryKey: ["secrets"],
  queryFn: ({ pageParam }) => body(api.GET("/v1/secrets", { params: { query: page(pageParam) } })),
  ...paged,
  refetchInterval: SLOW_MS,
});

/** Sets a secret, or gives it a new value; the answer never holds it. */
export function setSecret(name: string, write: SecretWrite): Promise<SecretView> {
  return body(api.PUT("/v1/secrets/{name}", { params: { path: { name } }, body: write })) as Promise<SecretView>;
}

export function deleteSecret(name: string): Promise<unknown> {
  return body(api.DELETE("/v1/secrets/{name}", { params: { path: { name } } }));
}
