import { useMutation, useQuery } from "@tanstack/react-query";
import { ExternalLink } from "lucide-react";
import { useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { cancelOperation } from "@/api/actions";
import { canCancel, isFinal } from "@/api/can";
import type { Operation, Step } from "@/api/nouns";
import { operation as oneOperation, timeline as oneTimeline } from "@/api/queries";
import { whoami, workflowLink } from "@/api/session";
import { surveyOf } from "@/api/survey";
import { serverNow } from "@/api/skew";
import { Confirm } from "@/forms/Confirm";
import { useLive, useWatch } from "@/live/Live";
import { JSONFacts } from "@/timeline/Facts";
import { at } from "@/timeline/layout";
import { TimelineView } from "@/timeline/TimelineView";
import { Button } from "@/ui/Button";
import { useNow } from "@/ui/clock";
import { ID } from "@/ui/Copy";
import { capitalised, duration, shortened } from "@/ui/format";
import { Failure, Notice } from "@/ui/Notice";
import { Facts, Loading, Page as Frame, Section } from "@/ui/Page";
import { State } from "@/ui/State";
import { actorOf, nameOf, operationLook } from "@/ui/states";
import { exactTime } from "@/ui/When";
import { ChildOperations } from "./ChildOperations";
import { PoolSurvey } from "./PoolSurvey";

const pollWhileLost = 3_000; // ms

export function Page() {
  const { operation: reference = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const { connection } = useLive();
  const { data: operation, error, refetch } = useQuery({
    ...oneOperation(reference),
    refetchInterval: (query) => (query.state.data && !isFinal(query.state.data) && connection !== "live" ? pollWhileLost : false),
  });
  const timeline = useQuery({
    ...oneTimeline(operation?.id ?? reference),
    enabled: Boolean(operation),
    refetchInterval: () => (operation && !isFinal(operation) && connection !== "live" ? pollWhileLost : false),
  });
  useWatch(operation && !isFinal(operation) ? operation.id : undefined);
  const select = (key: string | undefined) =>
    setSearch(
      (old) => {
        const next = new URLSearchParams(old);
        if (key) next.set("step", key);
        else next.delete("step");
        return next;
      },
      { replace: true },
    );

  if (!operation) {
    return (
      <Frame title="Operation" above={{ to: "/operations", label: "Operations" }}>
        <div className="px-4">{error ? <Failure error={error} retry={() => void refetch()} /> : <Loading what="the operation" />}</div>
      </Frame>
    );
  }
  const survey = surveyOf(operation);
  return (
    <Frame
      title={nameOf(operation)}
      above={{ to: "/operations", label: "Operations" }}
      state={<State look={operationLook[operation.state]} soft />}
      actions={<Actions operation={operation} />}
    >
      <div className="space-y-3 px-4 pb-4">
        <Summary operation={operation} />
        <Trouble operation={operation} steps={timeline.data?.steps ?? []} />
      </div>
      {survey && <PoolSurvey scan={operation} survey={survey} />}
      {timeline.data ? (
        <TimelineView operation={operation} timeline={timeline.data} selected={search.get("step") ?? undefined} select={select} />
      ) : (
        <div className="px-4">{timeline.error ? <Failure error={timeline.error} retry={() => void timeline.refetch()} /> : <Loading what="the timeline" />}</div>
      )}
      <ChildOperations operation={operation} />
      <div className="grid gap-6 p-4 lg:grid-cols-2">
        <Section title="The operation">
          <Facts
            rows={[
              ["ID", <ID key="id" id={operation.id} />],
              ["Asked by", actorOf(operation)],
              ["Asked", exactTime(operation.created_at)],
              ["Began", at(operation.started_at) ? exactTime(operation.started_at!) : "not yet"],
              ["Ended", at(operation.ended_at) ? exactTime(operation.ended_at!) : "not yet"],
              ...(operation.parent_id
                ? ([["Part of", <Link key="parent" className="text-accent hover:underline" to={`/operations/${operation.parent_id}`}>another operation</Link>]] as [string, React.ReactNode][])
                : []),
            ]}
          />
        </Section>
        <Section title="In and out">
          <div className="space-y-4">
            <JSONFacts title="Asked for" value={operation.request} />
            {!survey && <JSONFacts title="Came of it" value={operation.result} />}
          </div>
        </Section>
      </div>
    </Frame>
  );
}

// isGone says that the operation's subject is certainly no more: it was deleted, or never came to be.
function isGone({ kind, state }: Operation): boolean {
  if (kind === "discard_volume") return true; // it never was in the inventory
  if (kind === "delete" || kind === "delete_volume" || kind === "remove_pool") return state === "succeeded";
  return (kind === "provision" || kind === "create_volume" || kind === "adopt_volume") && (state === "failed" || state === "cancelled");
}

const kindNames: Record<string, string> = { vm: "VM", host: "Host", pool: "Pool", volume: "Volume" };

function pathOf({ kind, name }: Operation["subject"]): string | undefined {
  return { vm: `/vms/${name}`, host: `/hosts/${name}`, pool: `/storage/${name}`, volume: `/volumes?q=${encodeURIComponent(name)}` }[kind];
}

function Summary({ operation }: { operation: Operation }) {
  const now = serverNow(useNow());
  const began = at(operation.started_at);
  const ended = at(operation.ended_at);
  const took = began === undefined ? undefined : duration(Math.max(0, (ended ?? now) - began));
  const usual = operation.expected_seconds ? duration(operation.expected_seconds * 1_000) : undefined;
  const to = isGone(operation) ? undefined : pathOf(operation.subject);
  const kind = kindNames[operation.subject.kind] ?? operation.subject.kind;
  return (
    <p className="text-sm text-muted">
      {to ? (
        <Link to={to} className="text-accent underline">
          {kind} {operation.subject.name}
        </Link>
      ) : (
        `${capitalised(kind)} ${shortened(operation.subject.name)}`
      )}{" "}
      · asked by {actorOf(operation)}
      {took && (
        <>
          {" "}
          · {ended ? "took" : "for"} <span className="text-ink">{took}</span>
        </>
      )}
      {usual && ` (usually ${usual})`}
    </p>
  );
}

function Trouble({ operation, steps }: { operation: Operation; steps: Step[] }) {
  const name = operation.error?.step;
  const title = steps.find((step) => step.name === name && !step.undo)?.title ?? name?.replaceAll("_", " ");
  return (
    <>
      {operation.question && !isFinal(operation) && (
        <Notice tone="attention">
          <strong>It waits for you.</strong> {operation.question}
        </Notice>
      )}
      {operation.error && (
        <Notice tone="failed">
          {capitalised(operation.error.message)}
          {title && <span className="text-muted"> (in the step “{title}”)</span>}
        </Notice>
      )}
      {operation.leaks && operation.leaks.length > 0 && (
        <Notice tone="attention">
          <strong>It left something behind that could not be undone:</strong>
          <ul className="mt-1 list-disc pl-5">
            {operation.leaks.map((leak) => (
              <li key={leak.id}>
                {leak.kind} <ID id={leak.id} />: {leak.detail}
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  );
}

function Actions({ operation }: { operation: Operation }) {
  const [asked, setAsked] = useState(false);
  const verdict = canCancel(operation);
  const cancel = useMutation({ mutationFn: () => cancelOperation(operation.id) });
  const link = workflowLink(useQuery(whoami()).data, operation);
  return (
    <>
      {link && (
        <a href={link} target="_blank" rel="noreferrer" className="inline-flex items-center gap-1 text-sm text-accent hover:underline">
          Temporal <ExternalLink className="size-3.5" aria-hidden />
          <span className="sr-only">(opens in a new tab)</span>
        </a>
      )}
      {!isFinal(operation) && (
        <Button why={verdict.allowed ? undefined : verdict.reason} onClick={() => setAsked(true)}>
          Cancel the operation
        </Button>
      )}
      {asked && (
        <Confirm title="Cancel the operation" label="Cancel it" danger act={() => cancel.mutateAsync()} close={() => setAsked(false)}>
          It stops at its next safe point, and what it has done so far is taken back.
        </Confirm>
      )}
    </>
  );
}
