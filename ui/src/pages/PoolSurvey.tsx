import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Ellipsis } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import type { Held, Operation, Survey, Volume } from "@/api/nouns";
import { usePages } from "@/api/pages";
import { operations } from "@/api/queries";
import { whoami } from "@/api/session";
import { fateOf, isClean } from "@/api/survey";
import type { Fate } from "@/api/survey";
import { labelOf } from "@/api/volume";
import { AdoptVolume } from "@/forms/AdoptVolume";
import { DiscardVolume } from "@/forms/DiscardVolume";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { ID } from "@/ui/Copy";
import { bytes, capitalised, plural, shortID } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { Notice } from "@/ui/Notice";
import { Section } from "@/ui/Page";
import { State } from "@/ui/State";

interface Row extends Held {
  fate?: Fate;
}

type Act = (stray: Held, action: "adopt" | "discard") => void;

const keyOf = ({ volume_id, host_id = "" }: Held): string => volume_id + host_id;

// PoolSurvey shows where a pool and the inventory differed, and what can be done to what belongs to nobody.
export function PoolSurvey({ scan, survey }: { scan: Operation; survey: Survey }) {
  const { strays, missing } = survey;
  return (
    <div className="space-y-4 px-4 pb-4">
      {isClean(survey) ? (
        <p className="text-sm">
          <State look={{ tone: "ok", word: "All is as the inventory has it", icon: "check" }} />
          <span className="text-muted"> · {plural(survey.held, "volume")} found on the hosts that answered</span>
        </p>
      ) : (
        <p className="text-sm text-muted">
          {plural(survey.held, "volume")} found on the hosts that answered; {plural(strays.length, "belongs", "belong")} to nobody, {plural(missing.length, "is", "are")} missing.
        </p>
      )}
      {strays.length > 0 && <Strays scan={scan} strays={strays} />}
      {missing.length > 0 && <Missing missing={missing} />}
    </div>
  );
}

function Strays({ scan, strays }: { scan: Operation; strays: Held[] }) {
  const client = useQueryClient();
  const admin = useQuery(whoami()).data?.admin ?? false;
  const adopted = usePages(operations({ kind: "adopt_volume" })).rows;
  const discarded = usePages(operations({ kind: "discard_volume" })).rows;
  const [asked, setAsked] = useState<{ stray: Held; action: "adopt" | "discard" }>();
  const rows = strays.map((stray): Row => ({ ...stray, fate: fateOf(stray, scan, [...adopted, ...discarded]) }));
  const dialog = asked && {
    pool: scan.subject,
    stray: asked.stray,
    started: () => void client.invalidateQueries({ queryKey: ["operation", "list"] }),
    close: () => setAsked(undefined),
  };
  return (
    <Section title="What belongs to nobody">
      <Table
        name="Volumes that belong to nobody"
        rows={rows}
        columns={admin ? [...columns, actions((stray, action) => setAsked({ stray, action }))] : columns}
        id={keyOf}
        short
      />
      {dialog && (asked.action === "adopt" ? <AdoptVolume {...dialog} /> : <DiscardVolume {...dialog} />)}
    </Section>
  );
}

const columns: Column<Row>[] = [
  { id: "volume", title: "Volume", width: 115, grow: 1, priority: 0, cell: (stray) => <ID id={stray.volume_id} /> },
  { id: "size", title: "Size", width: 80, right: true, priority: 1, sort: (stray) => stray.size_bytes, cell: (stray) => bytes(stray.size_bytes) },
  { id: "allocated", title: "Takes", width: 90, right: true, priority: 3, sort: (stray) => stray.allocated_bytes, cell: (stray) => bytes(stray.allocated_bytes) },
  {
    id: "host",
    title: "Host",
    width: 80,
    grow: 1,
    priority: 4,
    sort: (stray) => stray.host_name ?? "",
    cell: ({ host_name }) =>
      host_name ? (
        <Link to={`/hosts/${host_name}`} className="hover:underline">
          {host_name}
        </Link>
      ) : (
        <span className="text-muted">any</span>
      ),
  },
  {
    id: "fate",
    title: "Since then",
    width: 150,
    grow: 2,
    priority: 2,
    cell: ({ fate }) =>
      fate ? (
        <Link to={`/operations/${fate.operation.id}`} className="hover:underline">
          {fate.word}
        </Link>
      ) : (
        <span className="text-muted">–</span>
      ),
  },
];

const actions = (act: Act): Column<Row> => ({
  id: "actions",
  title: "",
  width: 48,
  right: true,
  priority: 0,
  cell: (stray) => {
    const why = stray.fate && `${capitalised(stray.fate.word)}.`;
    return (
      <span className="-my-1 inline-flex align-middle">
        <Menu
          label={`Actions on ${shortID(stray.volume_id)}`}
          icon={<Ellipsis className="size-4" />}
          items={() => [
            { label: "Take in…", why, act: () => act(stray, "adopt") },
            { label: "Delete…", why, danger: true, act: () => act(stray, "discard") },
          ]}
        />
      </span>
    );
  },
});

function Missing({ missing }: { missing: Volume[] }) {
  return (
    <Section title="What is missing">
      <Notice tone="attention">
        The inventory has {missing.length === 1 ? "this volume" : "these volumes"} in the pool, and no host finds {missing.length === 1 ? "it" : "them"} there.
        <ul className="mt-1 list-disc pl-5">
          {missing.map((volume) => (
            <li key={volume.id}>
              <Link to={`/volumes?q=${encodeURIComponent(labelOf(volume))}`} className="font-medium underline">
                {labelOf(volume)}
              </Link>
              , {bytes(volume.size_bytes)}
              {volume.host_name && `, of host ${volume.host_name}`} <ID id={volume.id} />
            </li>
          ))}
        </ul>
      </Notice>
    </Section>
  );
}
