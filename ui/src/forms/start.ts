import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useRef, useState } from "react";
import { plan, start } from "@/api/actions";
import type { Ask } from "@/api/actions";
import type { Operation, Plan } from "@/api/nouns";
import { Problem } from "@/api/problem";
import { useSay } from "@/ui/Toasts";
import { nameOf } from "@/ui/states";

// newKey makes an Idempotency-Key. crypto.randomUUID needs a secure context, which a lab has not.
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// useKeys gives the same key to the same request until it has been answered, so that a repeated click after a lost answer
// is the same operation.
function useKeys() {
  const open = useRef({ text: "", key: "" });
  return {
    of(what: Ask): string {
      const text = JSON.stringify(what);
      if (open.current.text !== text) open.current = { text, key: newKey() };
      return open.current.key;
    },
    answered(): void {
      open.current = { text: "", key: "" };
    },
  };
}

// useStart starts operations. The answer goes into the caches at once; events bring the rest.
export function useStart() {
  const say = useSay();
  const client = useQueryClient();
  const keys = useKeys();
  return useMutation({
    mutationFn: (what: Ask) => start(what, keys.of(what)),
    onSuccess: (operation: Operation) => {
      keys.answered();
      client.setQueryData(["operation", "one", operation.id], operation);
      client.setQueryData<Operation[]>(["operation", "open"], (old) =>
        old && !old.some((other) => other.id === operation.id) ? [operation, ...old] : old,
      );
      say(`${nameOf(operation)}: accepted.`, {
        to: `/operations/${operation.id}`,
        label: "Watch it",
      });
    },
    onError: (error) => {
      if (error instanceof Problem) keys.answered();
    },
  });
}

export interface Preview {
  plan?: Plan;
  error: unknown;
  pending: boolean;
}

const typingPause = 350; // ms

// usePlan asks the API what the request would do, a moment after its last change. Once the request itself is sent it asks no
// more: the answer would be that the name is taken, or the VM busy, by just this request.
export function usePlan(what: Ask | undefined, request: { isPending: boolean; isSuccess: boolean }): Preview {
  const client = useQueryClient();
  const sent = request.isPending || request.isSuccess;
  const text = useDeferredValue(what ? JSON.stringify(what) : "");
  const [settled, setSettled] = useState("");
  useEffect(() => {
    if (sent) {
      void client.cancelQueries({ queryKey: ["plan"] });
      return undefined;
    }
    const pause = setTimeout(() => setSettled(text), settled ? typingPause : 0);
    return () => clearTimeout(pause);
    // Only a change of the request starts the pause again.
    // oxlint-disable-next-line exhaustive-deps
  }, [text, sent]);
  const query = useQuery({
    queryKey: ["plan", settled],
    queryFn: ({ signal }) => plan(JSON.parse(settled) as Ask, signal),
    enabled: settled !== "" && !sent,
    placeholderData: keepPreviousData,
    gcTime: 0,
    retry: false,
  });
  const current = settled === text;
  return {
    plan: what && !query.error ? query.data : undefined,
    error: what && current ? query.error : undefined,
    pending: query.isFetching || !current,
  };
}

// errorsOf merges what the submit and the dry run said about the fields.
export function errorsOf(...errors: unknown[]): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const error of errors) if (error instanceof Problem) Object.assign(merged, error.fields);
  return merged;
}

// unplaced keeps an error that no field of the form shows, so that none goes unseen.
export function unplaced(error: unknown, fields: string[]): unknown {
  if (!(error instanceof Problem)) return error;
  const named = Object.keys(error.fields);
  return named.length > 0 && named.every((field) => fields.includes(field)) ? undefined : error;
}
