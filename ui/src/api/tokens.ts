import { queryOptions } from "@tanstack/react-query";
import { get, request } from "./client";
import type { Page, Time } from "./nouns";

export interface Token {
  id: string;
  user_id: string;
  project_id?: string;
  name: string;
  session: boolean;
  expires_at?: Time;
  last_used_at?: Time;
  created_at: Time;
}

// NewToken has the secret, which is shown only once.
export interface NewToken extends Token {
  token: string;
}

export const tokens = () =>
  queryOptions({
    queryKey: ["token", "list"],
    queryFn: async ({ signal }) => (await get<Page<Token>>("/tokens", undefined, signal)).items ?? [],
  });

export const createToken = (body: { name: string; expires_in_seconds: number }) => request<NewToken>("POST", "/tokens", { body });
export const deleteToken = (token: string) => request<void>("DELETE", `/tokens/${token}`);
