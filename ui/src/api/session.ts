import { queryOptions } from "@tanstack/react-query";
import { get, request } from "./client";
import type { Operation, Project } from "./nouns";

export interface Whoami {
  user_id?: string;
  user_name?: string;
  admin: boolean;
  project: Project;
  bound: boolean;
  token_id?: string;
  version: string;
  temporal_ui?: string;
  temporal_namespace: string;
}

export const login = (username: string, password: string) =>
  request<{ user: Whoami }>("POST", "/login", { body: { username, password } });

export const logout = () => request<void>("POST", "/logout", { body: {} });

export const whoami = () =>
  queryOptions({ queryKey: ["whoami"], queryFn: ({ signal }) => get<Whoami>("/whoami", undefined, signal), staleTime: Infinity });

// workflowLink is the address of an operation's workflow in Temporal's web UI, if there is one.
export function workflowLink(who: Whoami | undefined, operation: Operation): string | undefined {
  if (!who?.temporal_ui) return undefined;
  const base = who.temporal_ui.replace(/\/$/, "");
  const run = operation.run_id ? `/${operation.run_id}/history` : "";
  return `${base}/namespaces/${who.temporal_namespace}/workflows/${operation.id}${run}`;
}
