import { http } from "msw";
import type { RequestHandler } from "msw";
import { canCancel, isFinal } from "@/api/can";
import type * as Noun from "@/api/nouns";
import { answer, paged, Refusal } from "./answers";
import type { Database } from "./database";
import { found, root } from "./handlers";

export function operationHandlers(database: () => Database): RequestHandler[] {
  const one = (id: string) => found(database().operations.get(id), "operation", id);
  return [
    http.get(`${root}/operations`, answer(database, ({ query }) => list(database(), query))),
    http.get(`${root}/operations/:operation`, answer(database, ({ params }) => one(params.operation!))),
    http.get(`${root}/operations/:operation/timeline`, answer(database, ({ params }) => database().timelines.get(one(params.operation!).id))),
    http.post(`${root}/operations/:operation/cancel`, answer(database, ({ params }) => {
      const operation = one(params.operation!);
      const verdict = canCancel(operation);
      if (!verdict.allowed) throw new Refusal(409, verdict.reason);
      database().setOperation(operation.id, { cancel_requested: true });
      database().runs.get(operation.id)?.cancel();
      database().tell("operation.cancel_requested", "operation", operation.id, operation.id);
      return database().operations.get(operation.id);
    })),
    http.post(`${root}/operations/:operation/tune`, answer(database, async ({ params, request }) => {
      const operation = one(params.operation!);
      if (operation.kind !== "migrate" || isFinal(operation)) throw new Refusal(409, "Only a live migration that runs can be steered.");
      database().runs.get(operation.id)?.tune((await request.json()) as Noun.Tuning);
      return operation;
    })),
  ];
}

function list(database: Database, query: URLSearchParams): unknown {
  let items = [...database.operations.values()];
  for (const name of ["kind", "state"] as const) {
    const wanted = query.get(name);
    if (wanted) items = items.filter((operation) => operation[name] === wanted);
  }
  const subject = query.get("subject");
  if (subject) items = items.filter((operation) => operation.subject.id === subject || operation.subject.name === subject);
  const parent = query.get("parent");
  if (parent) items = items.filter((operation) => operation.parent_id === parent);
  if (query.get("open") === "true") items = items.filter((operation) => !isFinal(operation));
  items.sort((a, b) => (a.id < b.id ? 1 : -1));
  return paged(items, query);
}
