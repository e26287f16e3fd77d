import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { addPool, ask, setPool } from "@/api/actions";
import type { Pool, PoolSettings, PoolTier, Protocol } from "@/api/nouns";
import { hosts } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { CheckField, LinesField, SelectField, TextField } from "@/ui/Field";
import { Failure, Notice } from "@/ui/Notice";
import { cli } from "./commands";
import { CopyAs } from "./CopyAs";
import { PlanPreview } from "./PlanPreview";
import { errorsOf, unplaced, usePlan, useStart } from "./start";
import { StartButtons } from "./StartButtons";
import { notTyped, TypedName } from "./TypedName";

const listed = (text: string): string[] => text.split(/[\s,]+/).filter(Boolean);

const fields = [
  "name",
  "settings.local.directory",
  "settings.netfs.source",
  "settings.netfs.at",
  "settings.netfs.options",
  "settings.netfs.host_key",
  "settings.rbd.monitors",
  "settings.rbd.pool",
  "settings.rbd.user",
  "key",
  "tier",
  "overcommit",
  "only_hosts",
];

interface Terms {
  tier: PoolTier;
  overcommit: string;
  only: string[];
}

const protocols: { value: Protocol; label: string; example: string }[] = [
  { value: "nfs", label: "NFS", example: "nas:/export/vms" },
  { value: "cifs", label: "CIFS", example: "//nas/vms" },
  { value: "glusterfs", label: "GlusterFS", example: "gluster1:/vms" },
  { value: "sshfs", label: "sshfs", example: "novacron@nas:/srv/vms" },
];

interface Share {
  protocol: Protocol;
  source: string;
  at: string;
  options: string;
  hostKey: string;
}

// keyWords say what lets hosts in, where something has to.
const keyWords = {
  rbd: { label: "Key", hint: "As `ceph auth print-key` shows it. It is kept sealed and never shown again." },
  sshfs: { label: "Private key", hint: "As ssh-keygen writes it, without a passphrase. It is kept sealed and never shown again." },
  cifs: { label: "Password", hint: "Of the user that the options name (username=…). It is kept sealed and never shown again." },
};

function keyOf(driver: string, protocol: Protocol): { label: string; hint: string } | undefined {
  if (driver === "rbd") return keyWords.rbd;
  return driver === "netfs" && (protocol === "sshfs" || protocol === "cifs") ? keyWords[protocol] : undefined;
}

// AddPool declares a pool; its hosts open it within seconds, and its page shows what they say.
export function AddPool({ close }: { close: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [driver, setDriver] = useState("local");
  const [directory, setDirectory] = useState("");
  const [monitors, setMonitors] = useState("");
  const [cluster, setCluster] = useState("");
  const [user, setUser] = useState("");
  const [share, setShare] = useState<Share>({ protocol: "nfs", source: "", at: "", options: "", hostKey: "" });
  const [key, setKey] = useState("");
  const [terms, setTerms] = useState<Terms>({ tier: "warm", overcommit: "3", only: [] });
  const settings: PoolSettings =
    driver === "rbd"
      ? { rbd: { monitors: listed(monitors), pool: cluster, user } }
      : driver === "netfs"
        ? { netfs: netfsOf(share) }
        : { local: { directory, shared: driver === "shared" || undefined } };
  const keyed = keyOf(driver, share.protocol);
  const body = {
    name,
    settings,
    key: keyed && key,
    tier: terms.tier,
    overcommit: Number(terms.overcommit),
    only_hosts: terms.only.length > 0 ? terms.only : undefined,
  };
  const add = useMutation({
    mutationFn: () => addPool(body),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["pool"] });
      close();
      void navigate(`/storage/${made.name}`);
    },
  });
  const errors = errorsOf(add.error);
  return (
    <Dialog title="Add a pool" close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate();
        }}
      >
        <TextField label="Name" autoFocus value={name} onChange={(event) => setName(event.target.value)} error={errors.name} />
        <SelectField label="Where" value={driver} onChange={(event) => setDriver(event.target.value)}>
          <option value="local">A directory, each host its own</option>
          <option value="shared">A directory that all hosts have mounted</option>
          <option value="netfs">A network file system that hosts mount</option>
          <option value="rbd">A pool of a Ceph cluster</option>
        </SelectField>
        {driver === "netfs" && <ShareFields share={share} set={setShare} errors={errors} />}
        {driver === "rbd" && (
          <>
            <TextField
              label="Monitors"
              placeholder="10.0.0.1:3300, 10.0.0.2:3300"
              value={monitors}
              onChange={(event) => setMonitors(event.target.value)}
              error={errors["settings.rbd.monitors"]}
            />
            <div className="grid gap-3 sm:grid-cols-2">
              <TextField label="Pool in Ceph" value={cluster} onChange={(event) => setCluster(event.target.value)} error={errors["settings.rbd.pool"]} />
              <TextField label="User, without “client.”" value={user} onChange={(event) => setUser(event.target.value)} error={errors["settings.rbd.user"]} />
            </div>
          </>
        )}
        {keyed && <KeyField {...keyed} value={key} set={setKey} error={errors.key} lines={share.protocol === "sshfs" && driver === "netfs"} />}
        {(driver === "local" || driver === "shared") && (
          <TextField
            label="Directory"
            placeholder="/srv/pool"
            value={directory}
            onChange={(event) => setDirectory(event.target.value)}
            hint={driver === "shared" ? "The same file system must be mounted there on every host." : "Made on each host where it is missing."}
            error={errors["settings.local.directory"]}
          />
        )}
        <TermFields terms={terms} set={setTerms} errors={errors} />
        <CopyAs ask={{ method: "POST", path: "/pools", body: { ...body, key: body.key && "…" } }} command={cli.addPool(body)} />
        <Failure error={unplaced(add.error, fields)} />
        <StartButtons label="Add the pool" close={close} pending={add.isPending} why={name ? undefined : "Give it a name first."} />
      </form>
    </Dialog>
  );
}

function netfsOf({ protocol, source, at, options, hostKey }: Share) {
  return { protocol, source, at: at || undefined, options: options || undefined, host_key: protocol === "sshfs" ? hostKey : undefined };
}

function ShareFields({ share, set, errors }: { share: Share; set: (share: Share) => void; errors: Record<string, string> }) {
  const put = (field: keyof Share) => (event: { target: { value: string } }) => set({ ...share, [field]: event.target.value });
  return (
    <>
      <div className="grid gap-3 sm:grid-cols-[8rem_1fr]">
        <SelectField label="Protocol" value={share.protocol} onChange={put("protocol")}>
          {protocols.map((each) => (
            <option key={each.value} value={each.value}>
              {each.label}
            </option>
          ))}
        </SelectField>
        <TextField
          label="Source"
          placeholder={protocols.find((each) => each.value === share.protocol)?.example}
          value={share.source}
          onChange={put("source")}
          error={errors["settings.netfs.source"]}
        />
      </div>
      {share.protocol === "sshfs" && (
        <TextField
          label="The server's public key"
          placeholder="ssh-ed25519 AAAA…"
          value={share.hostKey}
          onChange={put("hostKey")}
          hint="ssh-keyscan -t ed25519 SERVER shows it."
          error={errors["settings.netfs.host_key"]}
        />
      )}
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField label="Options" placeholder="as mount -o takes them" value={share.options} onChange={put("options")} error={errors["settings.netfs.options"]} />
        <TextField label="Mounted at" placeholder="below /var/lib/novacron/mounts" value={share.at} onChange={put("at")} error={errors["settings.netfs.at"]} />
      </div>
    </>
  );
}

interface KeyProps {
  label: string;
  hint: string;
  value: string;
  set: (key: string) => void;
  error?: string;
  lines?: boolean; // it has several
}

function KeyField({ label, hint, value, set, error, lines }: KeyProps) {
  if (lines) return <LinesField label={label} hint={hint} error={error} value={value} onChange={(event) => set(event.target.value)} />;
  return (
    <TextField label={label} type="password" autoComplete="new-password" value={value} onChange={(event) => set(event.target.value)} hint={hint} error={error} />
  );
}

function TermFields({ terms, set, errors }: { terms: Terms; set: (terms: Terms) => void; errors: Record<string, string> }) {
  const all = useQuery(hosts()).data ?? [];
  return (
    <>
      <div className="grid gap-3 sm:grid-cols-2">
        <SelectField label="Tier" value={terms.tier} onChange={(event) => set({ ...terms, tier: event.target.value as PoolTier })} error={errors.tier}>
          <option value="hot">hot</option>
          <option value="warm">warm</option>
          <option value="cold">cold</option>
        </SelectField>
        <TextField
          label="May promise, times its capacity"
          type="number"
          min={1}
          max={100}
          step="any"
          value={terms.overcommit}
          onChange={(event) => set({ ...terms, overcommit: event.target.value })}
          error={errors.overcommit}
        />
      </div>
      <fieldset>
        <legend className="mb-1 text-sm font-medium">Hosts that have it</legend>
        <div className="flex flex-wrap gap-x-4 gap-y-1">
          <CheckField label="all" checked={terms.only.length === 0} onChange={() => set({ ...terms, only: [] })} />
          {all.map((host) => (
            <CheckField
              key={host.id}
              label={host.name}
              checked={terms.only.includes(host.name)}
              onChange={(event) =>
                set({ ...terms, only: event.target.checked ? [...terms.only, host.name] : terms.only.filter((each) => each !== host.name) })
              }
            />
          ))}
        </div>
        {errors.only_hosts && <p className="mt-1 text-xs text-failed">{errors.only_hosts}</p>}
      </fieldset>
    </>
  );
}

function changedSettings({ rbd, netfs }: PoolSettings, monitors: string[], options: string): PoolSettings | undefined {
  if (rbd) return { rbd: { ...rbd, monitors } };
  return netfs && { netfs: { ...netfs, options: options || undefined } };
}

// ChangePool changes a pool's terms, its monitors, or its key.
export function ChangePool({ pool, close }: { pool: Pool; close: () => void }) {
  const client = useQueryClient();
  const all = useQuery(hosts()).data ?? [];
  const known = (pool.only_host_ids ?? []).map((id) => all.find((host) => host.id === id)?.name ?? id);
  const [terms, setTerms] = useState<Terms>({ tier: pool.tier, overcommit: String(pool.overcommit), only: known });
  const [monitors, setMonitors] = useState((pool.settings.rbd?.monitors ?? []).join(", "));
  const [options, setOptions] = useState(pool.settings.netfs?.options ?? "");
  const [key, setKey] = useState("");
  const keyed = keyOf(pool.driver, pool.settings.netfs?.protocol ?? "nfs");
  const change = useMutation({
    mutationFn: () =>
      setPool(pool, {
        tier: terms.tier,
        overcommit: Number(terms.overcommit),
        only_hosts: terms.only,
        key: key || undefined,
        settings: changedSettings(pool.settings, listed(monitors), options),
      }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["pool"] });
      close();
    },
  });
  const errors = errorsOf(change.error);
  return (
    <Dialog title={`Change ${pool.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        {pool.settings.rbd && (
          <>
            <TextField label="Monitors" value={monitors} onChange={(event) => setMonitors(event.target.value)} error={errors["settings.rbd.monitors"]} />
          </>
        )}
        {pool.settings.netfs && (
          <TextField label="Options" value={options} onChange={(event) => setOptions(event.target.value)} error={errors["settings.netfs.options"]} />
        )}
        {keyed && (
          <KeyField
            {...keyed}
            hint="Leave it empty to keep the one there is."
            value={key}
            set={setKey}
            error={errors.key}
            lines={pool.settings.netfs?.protocol === "sshfs"}
          />
        )}
        <TermFields terms={terms} set={setTerms} errors={errors} />
        <Failure error={unplaced(change.error, fields)} />
        <StartButtons label="Change it" close={close} pending={change.isPending} />
      </form>
    </Dialog>
  );
}

// RemovePool gives a pool up.
export function RemovePool({ pool, close }: { pool: Pool; close: () => void }) {
  const [forget, setForget] = useState(false);
  const [typed, setTyped] = useState("");
  const start = useStart();
  const what = ask.removePool(pool.id, forget);
  const preview = usePlan(what, start);
  return (
    <Dialog title={`Remove ${pool.name}`} close={close}>
      <form
        className="space-y-3"
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate(what, { onSuccess: close });
        }}
      >
        <Notice tone="attention">
          {forget
            ? "The pool is forgotten, and what NovaCron put in its place stays there."
            : "Copies of images in it are deleted on its hosts, which must answer. No volume is lost: a pool that holds one is not removed."}
        </Notice>
        <CheckField
          label="Leave the place as it is"
          hint="For one that no host can reach any more."
          checked={forget}
          onChange={(event) => setForget(event.target.checked)}
        />
        <PlanPreview preview={preview} />
        <TypedName name={pool.name} typed={typed} setTyped={setTyped} />
        <Failure error={start.error} />
        <StartButtons label="Remove" danger close={close} pending={start.isPending} why={notTyped(pool.name, typed)} />
      </form>
    </Dialog>
  );
}
