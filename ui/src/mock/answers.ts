import { delay, HttpResponse } from "msw";
import type { Database } from "./database";

// Refusal is a problem document on its way out.
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly field?: string,
  ) {
    super(message);
  }
}

const titles: Record<number, string> = { 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 409: "Conflict", 412: "Precondition Failed", 422: "Invalid", 503: "Unavailable" };

export function problem(refusal: Refusal): Response {
  const { status, message, field } = refusal;
  return HttpResponse.json(
    {
      type: "urn:novacron:fault",
      title: titles[status] ?? "Error",
      status,
      detail: message,
      field,
      errors: field ? [{ location: `body.${field}`, message }] : undefined,
    },
    { status, headers: { "Content-Type": "application/problem+json" } },
  );
}

export interface Asked {
  request: Request;
  params: Record<string, string>;
  query: URLSearchParams;
}

// answer wraps a handler: the session, the delay, and refusals as problem documents.
export function answer(database: () => Database, handle: (asked: Asked) => unknown, open = false) {
  return async ({ request, params }: { request: Request; params: Record<string, string | readonly string[] | undefined> }) => {
    const { config } = database();
    if (config.delay) await delay(config.delay);
    try {
      if (!open && !config.signedIn) throw new Refusal(401, "You are not signed in, or your session has ended. Sign in again.");
      if (config.broken && request.method === "GET" && !open && !request.url.includes("/vm-transitions")) {
        throw new Refusal(503, "The database does not answer at the moment. It is tried again by itself.");
      }
      const result = await handle({ request, params: params as Record<string, string>, query: new URL(request.url).searchParams });
      if (result instanceof Response) return result;
      return result === undefined ? new HttpResponse(null, { status: 204 }) : HttpResponse.json(result as never);
    } catch (error) {
      if (error instanceof Refusal) return problem(error);
      throw error;
    }
  };
}

// paged cuts a list into pages as the store does; the cursor is where the next one begins.
export function paged<T>(items: T[], query: URLSearchParams): { items: T[]; next_cursor?: string } {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 100);
  const next = from + limit;
  return { items: items.slice(from, next), next_cursor: next < items.length ? String(next) : undefined };
}
