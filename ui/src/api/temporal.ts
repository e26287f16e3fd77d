import { queryOptions } from "@tanstack/react-query";
import { get } from "./client";
import type { Operation } from "./nouns";

interface Installation {
  temporal_ui?: string;
  temporal_namespace?: string;
}

// workflowLink is the address of an operation's workflow in Temporal's web UI; null where the server knows of none.
export const workflowLink = (operation: Operation) =>
  queryOptions({
    queryKey: ["installation"],
    queryFn: () => get<Installation>("/installation").catch(() => null),
    staleTime: Infinity,
    select: (installation) => {
      if (!installation?.temporal_ui) return null;
      const base = installation.temporal_ui.replace(/\/$/, "");
      const namespace = installation.temporal_namespace ?? "novacron";
      const run = operation.run_id ? `/${operation.run_id}/history` : "";
      return `${base}/namespaces/${namespace}/workflows/${operation.id}${run}`;
    },
  });
