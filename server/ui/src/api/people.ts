import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, body } from "./client";
import type { InvitationView, LoginView, MeView, PersonView, TenantView, UserView } from "./schema.gen";

export type Me = MeView;
export type User = UserView;
export type Invitation = InvitationView;
export type Tenant = TenantView;
export type Person = PersonView;
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

/** All users of the installation whose address holds a text; for those who run it. */
export const everyoneQuery = (email: string) =>
  infiniteQueryOptions({
    queryKey: ["everyone", email],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => {
      const query = { ...(pageParam === null ? {} : { cursor: pageParam }), ...(email ? { email } : {}) };
      return body(api.GET("/v1/admin/people", { params: { query } }));
    },
    getNextPageParam: (last) => last.next_cursor,
  });

export const loginsQuery = queryOptions({ queryKey: ["logins"], queryFn: () => body(api.GET("/v1/me/logins")) });
