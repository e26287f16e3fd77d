import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask, plan, start } from "@/api/actions";
import type { Ask } from "@/api/actions";
import { can, verbOf } from "@/api/can";
import type { Plan, Transition, VM } from "@/api/nouns";
import { messageOf } from "@/api/problem";
import { Dialog } from "@/ui/Dialog";
import { plural } from "@/ui/format";
import { Notice } from "@/ui/Notice";
import { useSay } from "@/ui/Toasts";
import { PlanSteps } from "./PlanPreview";
import { newKey } from "./start";
import { StartButtons } from "./StartButtons";
import { useTransitions } from "./transitions";
import { notTyped, TypedName } from "./TypedName";

export type BulkAction = "start" | "stop" | "migrate" | "backup" | "delete";

function askFor(vm: VM, action: BulkAction): Ask {
  switch (action) {
    case "migrate":
      return ask.migrate(vm.id, {});
    case "backup":
      return ask.backup(vm.id);
    case "delete":
      return ask.deleteVM(vm.id);
    default:
      return ask.power(vm.id, action);
  }
}

interface Row {
  vm: VM;
  plan?: Plan;
  refusal?: string;
}

const atOnce = 4;
const plannedAtMost = 50; // dry runs; beyond these the rules of state alone decide what is offered

async function inParallel<T>(items: T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function planAll(vms: VM[], action: BulkAction, table: Transition[], signal: AbortSignal): Promise<Row[]> {
  const rows: Row[] = vms.map((vm) => {
    const verdict = can(table, vm, action);
    return verdict.allowed ? { vm } : { vm, refusal: verdict.reason };
  });
  const allowed = rows.filter((row) => !row.refusal).slice(0, plannedAtMost);
  await inParallel(allowed, async (row) => {
    try {
      row.plan = await plan(askFor(row.vm, action), signal);
    } catch (error) {
      row.refusal = messageOf(error);
    }
  });
  return rows;
}

interface Props {
  vms: VM[];
  action: BulkAction;
  close: () => void;
  done: () => void;
}

// BulkDialog shows what an action would do to each of several VMs, and then does it to those that allow it.
export function BulkDialog({ vms, action, close, done }: Props) {
  const say = useSay();
  const table = useTransitions();
  const [typed, setTyped] = useState("");
  const planned = useQuery({
    queryKey: ["plan", "bulk", action, vms.map((vm) => vm.id)],
    queryFn: ({ signal }) => planAll(vms, action, table!, signal),
    enabled: Boolean(table),
    gcTime: 0,
    retry: false,
  });
  const rows = planned.data ?? [];
  const allowed = rows.filter((row) => !row.refusal);
  const refused = rows.filter((row) => row.refusal);
  const run = useMutation({
    mutationFn: async () => {
      const failed: string[] = [];
      await inParallel(allowed, async ({ vm }) => {
        await start(askFor(vm, action), newKey()).catch((error: unknown) => failed.push(`${vm.name}: ${messageOf(error)}`));
      });
      return failed;
    },
    onSuccess: (failed) => {
      say(`${verbOf[action]}: ${plural(allowed.length - failed.length, "operation")} accepted.`, {
        to: "/operations?open=true",
        label: "Watch them",
      });
      if (failed.length > 0) say.failed(new Error(failed.join(" ")));
      done();
    },
  });
  const phrase = `delete ${allowed.length}`;
  const why =
    allowed.length === 0 ? "None of them allows it now." : action === "delete" ? notTyped(phrase, typed) : undefined;
  const example = allowed.find((row) => row.plan)?.plan;
  return (
    <Dialog title={`${verbOf[action]} ${plural(vms.length, "VM")}`} close={close} wide>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          run.mutate();
        }}
      >
        {planned.isPending && (
          <p role="status" className="text-sm text-muted">
            Working out what it would do…
          </p>
        )}
        {allowed.length > 0 && <Allowed rows={allowed} action={action} />}
        {example && (
          <details className="text-sm">
            <summary className="cursor-pointer text-muted">Each in {plural(example.steps?.length ?? 0, "step")}</summary>
            <PlanSteps plan={example} />
          </details>
        )}
        {refused.length > 0 && <Refused rows={refused} />}
        {action === "delete" && allowed.length > 0 && (
          <>
            <Notice tone="attention">Their disks and addresses are removed and cannot be brought back, except from backups.</Notice>
            <TypedName name={phrase} typed={typed} setTyped={setTyped} />
          </>
        )}
        <StartButtons
          label={`${verbOf[action]} ${allowed.length}`}
          danger={action === "delete"}
          close={close}
          pending={run.isPending || planned.isPending}
          why={planned.isPending ? undefined : why}
        />
      </form>
    </Dialog>
  );
}

function Allowed({ rows, action }: { rows: Row[]; action: BulkAction }) {
  return (
    <div>
      <p className="text-sm font-medium">
        {verbOf[action]}: {plural(rows.length, "VM")}
      </p>
      <ul className="mt-1 max-h-40 overflow-y-auto rounded border border-line px-3 py-1 text-sm" tabIndex={0}>
        {rows.map(({ vm, plan: its }) => (
          <li key={vm.id} className="py-0.5">
            {vm.name}
            {its?.notes?.map((note) => (
              <span key={note} className="ml-2 text-xs text-attention">
                {note}
              </span>
            ))}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Refused({ rows }: { rows: Row[] }) {
  return (
    <div>
      <p className="text-sm font-medium">Left out: {plural(rows.length, "VM")}</p>
      <ul className="mt-1 max-h-40 overflow-y-auto rounded border border-line px-3 py-1 text-sm text-muted" tabIndex={0}>
        {rows.map(({ vm, refusal }) => (
          <li key={vm.id} className="py-0.5">
            <span className="text-ink">{vm.name}</span> — {refusal}
          </li>
        ))}
      </ul>
    </div>
  );
}
