import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Ellipsis } from "lucide-react";
import { useState } from "react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { deleteSchedule, steerSchedule } from "@/api/actions";
import type { Schedule } from "@/api/nouns";
import { schedules } from "@/api/queries";
import { Confirm } from "@/forms/Confirm";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { duration, plural, shortID } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { Failure } from "@/ui/Notice";
import { Loading } from "@/ui/Page";
import { State } from "@/ui/State";
import type { Look } from "@/ui/states";
import { spoken } from "@/ui/cron";
import { useSay } from "@/ui/Toasts";
import { When } from "@/ui/When";

const on: Look = { tone: "ok", word: "On", icon: "dot" };
const paused: Look = { tone: "attention", word: "Paused", icon: "pause" };

function rhythm(schedule: Schedule): string {
  return schedule.cron ? (spoken(schedule.cron) ?? schedule.cron) : `every ${duration((schedule.every_seconds ?? 0) * 1_000).replace(/ 0 (s|min|h)$/, "")}`;
}

function keeps(schedule: Schedule): string {
  const { last, within_hours: hours } = schedule.keep;
  const parts = [last ? `the newest ${last}` : "", hours ? `those of ${duration(hours * 3_600_000).replace(" 0 h", "").replace(" 0 min", "")}` : ""];
  return parts.filter(Boolean).join(" and ") || "all";
}

// Linked makes the IDs of operations in a text links to them.
function Linked({ text }: { text: string }) {
  const parts = text.split(/\b(op_[0-9A-Z]{26})\b/);
  return parts.map((part, index) =>
    index % 2 === 0 ? (
      part
    ) : (
      <Link key={part} to={`/operations/${part}`} className="hover:underline">
        {shortID(part)}
      </Link>
    ),
  );
}

type Act = (schedule: Schedule, what: "pause" | "unpause" | "trigger" | "delete") => void;

const columns = (act: Act): Column<Schedule>[] => [
  { id: "name", title: "Name", width: 130, grow: 2, priority: 0, sort: (schedule) => schedule.name, cell: (schedule) => <span className="font-medium">{schedule.name}</span> },
  {
    id: "vm",
    title: "VM",
    width: 110,
    grow: 1,
    priority: 2,
    sort: (schedule) => schedule.vm_name ?? "",
    cell: (schedule) => (
      <Link to={`/vms/${schedule.vm_name ?? schedule.vm_id}/backups`} className="hover:underline">
        {schedule.vm_name ?? schedule.vm_id}
      </Link>
    ),
  },
  { id: "state", title: "State", width: 96, priority: 0, cell: (schedule) => <State look={schedule.paused ? paused : on} /> },
  { id: "when", title: "When (UTC)", width: 150, priority: 3, cell: (schedule) => <span title={schedule.cron}>{rhythm(schedule)}</span> },
  { id: "next", title: "Next", width: 100, priority: 4, cell: (schedule) => (schedule.paused ? "–" : <When at={schedule.next_run_at} />) },
  { id: "last", title: "Last run", width: 100, priority: 5, cell: (schedule) => <When at={schedule.last_run_at} never="never" /> },
  {
    id: "result",
    title: "How it went",
    width: 140,
    grow: 2,
    priority: 6,
    cell: (schedule) => (
      <span title={schedule.last_result}>
        <Linked text={schedule.last_result ?? ""} />
        {schedule.skipped > 0 && <span className="text-attention"> ({plural(schedule.skipped, "run")} left out)</span>}
      </span>
    ),
  },
  { id: "keep", title: "Keeps", width: 150, grow: 1, priority: 7, cell: (schedule) => <span title={keeps(schedule)}>{keeps(schedule)}</span> },
  {
    id: "actions",
    title: "",
    width: 48,
    right: true,
    priority: 0,
    cell: (schedule) => (
      <span className="-my-1 inline-flex align-middle">
        <Menu
          label={`Actions on ${schedule.name}`}
          icon={<Ellipsis className="size-4" />}
          items={[
            { label: "Run now", act: () => act(schedule, "trigger") },
            schedule.paused ? { label: "Go on", act: () => act(schedule, "unpause") } : { label: "Pause", act: () => act(schedule, "pause") },
            "line",
            { label: "Delete", danger: true, act: () => act(schedule, "delete") },
          ]}
        />
      </span>
    ),
  },
];

const said = { pause: "is paused", unpause: "goes on", trigger: "runs now" };

export function SchedulesTable({ vm, short, empty }: { vm?: string; short?: boolean; empty: ReactNode }) {
  const say = useSay();
  const client = useQueryClient();
  const { data, error, refetch } = useQuery(schedules());
  const [removing, setRemoving] = useState<Schedule>();
  const refresh = () => client.invalidateQueries({ queryKey: ["schedule"] });
  const act: Act = (schedule, what) => {
    if (what === "delete") {
      setRemoving(schedule);
      return;
    }
    steerSchedule(schedule.id, what).then(() => {
      say(`${schedule.name} ${said[what]}.`);
      void refresh();
    }, say.failed);
  };
  if (error) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return <Loading what="schedules" />;
  const rows = vm ? data.filter((schedule) => schedule.vm_id === vm) : data;
  return (
    <>
      <Table name="Schedules" rows={rows} columns={columns(act)} id={(schedule) => schedule.id} short={short} empty={empty} />
      {removing && (
        <Confirm
          title={`Delete ${removing.name}`}
          label="Delete"
          danger
          close={() => setRemoving(undefined)}
          act={async () => {
            await deleteSchedule(removing.id);
            await refresh();
          }}
        >
          No more backups of {removing.vm_name} are taken by it. Those that it took stay.
        </Confirm>
      )}
    </>
  );
}
