import type { QueryClient } from "@tanstack/react-query";

// In memory only: neither the browser's history nor its storage may keep a secret.
const key = (webhook: string) => ["fresh-secret", webhook];

/** Carry a new webhook's secret to the page that shows it. */
export function keepSecret(client: QueryClient, webhook: string, secret: string): void {
  client.setQueryData(key(webhook), secret);
}

/** The secret that was kept, once. */
export function takeSecret(client: QueryClient, webhook: string): string | null {
  const secret = client.getQueryData<string>(key(webhook)) ?? null;
  // After this rendering, since React may run an initial state twice.
  if (secret !== null) queueMicrotask(() => client.removeQueries({ queryKey: key(webhook) }));
  return secret;
}
