import { queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import type { InvitationView, LoginView, MeView, TenantView, UserView } from "./schema.gen";

export type Me = MeView;
export type User = UserView;
export type Invitation = InvitationView;
export type Tenant = TenantView;
export type Login = LoginView;
export type Role = UserView["role"];

/** The strongest first, and what each is for. */
export const ROLES: readonly { readonly role: Role; readonly may: string }[] = [
  { role: "owner", may: "everything in the tenant, people and keys too" },
  { role: "operator", may: "stop, approve, set policies and secrets, read the audit log" },
  { role: "developer", may: "define agents, schedules and webhooks, start runs" },
  { role: "viewer", may: "see, and change nothing" },
];

export const optionsQuery = queryOptions({
  queryKey: ["sign-in-options"],
  queryFn: () => body(api.GET("/v1/auth/options")),
  staleTime: 5_000,
});

export const usersQuery = queryOptions({ queryKey: ["users"], queryFn: () => body(api.GET("/v1/admin/users")) });

export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: () => body(api.GET("/v1/admin/invitations")),
});

export const tenantsQuery = queryOptions({ queryKey: ["tenants"], queryFn: () => body(api.GET("/v1/admin/tenants")) });

export const loginsQuery = queryOptions({ queryKey: ["logins"], queryFn: () => body(api.GET("/v1/me/logins")) });

/** Whether a link can still be used. */
export function isOpen(link: Invitation, now: number): boolean {
  return link.used_at === null && link.revoked_at === null && Date.parse(link.expires_at) > now;
}

/** What became of a link, in a word. */
export function fateOf(link: Invitation, now: number): "open" | "used" | "revoked" | "expired" {
  if (link.used_at !== null) return "used";
  if (link.revoked_at !== null) return "revoked";
  return isOpen(link, now) ? "open" : "expired";
}

/** A browser's name for itself, in two words. */
export function deviceName(agent: string): string {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)\//.exec(agent)?.[1];
  const system = /(Windows|Android|iPhone|iPad|Mac OS X|Linux)/.exec(agent)?.[1];
  const known: Record<string, string> = { Edg: "Edge", OPR: "Opera", "Mac OS X": "macOS" };
  const names = [browser, system].filter((name) => name !== undefined).map((name) => known[name] ?? name);
  return names.length > 0 ? names.join(" on ") : agent.slice(0, 40) || "unknown device";
}
