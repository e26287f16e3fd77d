import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { KeyboardEvent } from "react";
import { useNavigate } from "react-router";
import { can, verbOf } from "@/api/can";
import { get } from "@/api/client";
import type { Host, Page, Transition, VM, VMAction, Volume } from "@/api/nouns";
import { hosts } from "@/api/queries";
import { useTransitions } from "@/forms/transitions";
import { useVMActions } from "@/forms/VMActions";
import { volumeLook } from "@/ui/states";
import { places } from "./places";

interface Entry {
  key: string;
  label: string;
  note: string;
  run: () => void;
}

const actions: VMAction[] = ["start", "stop", "restart", "pause", "resume", "migrate", "migrate_cold", "take_snapshot", "backup", "attach_volume", "clone_vm", "delete"];
const shownAtMost = 30;

// Palette finds every page, VM, host and volume, and offers what is allowed on the VMs that it found.
export function Palette({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const entries = useEntries(useDeferredValue(text.trim().toLowerCase()), close);
  const chosen = Math.min(at, entries.length - 1);

  useEffect(() => {
    const element = dialog.current!;
    const before = document.activeElement as HTMLElement | null;
    element.showModal();
    return () => {
      element.close();
      before?.focus();
    };
  }, []);
  useEffect(() => {
    dialog.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [chosen]);

  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(chosen + 1, entries.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
    else if (event.key === "Enter") entries[chosen]?.run();
    else return;
    event.preventDefault();
  };

  return (
    <dialog
      ref={dialog}
      aria-label="Search or do anything"
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onMouseDown={(event) => {
        if (event.target === dialog.current) close();
      }}
      className="mx-auto mt-[12vh] w-[36rem] max-w-[calc(100vw-1rem)] overflow-hidden rounded-md border border-line-strong bg-canvas p-0 backdrop:bg-black/40"
    >
      <input
        role="combobox"
        aria-label="Search or do anything"
        aria-expanded
        aria-controls="palette"
        aria-activedescendant={entries[chosen] ? `palette-${chosen}` : undefined}
        placeholder="A page, a VM, a host, or what to do: stop web-1"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={press}
        className="h-11 w-full border-b border-line bg-canvas px-4 placeholder:text-muted focus:outline-none"
      />
      <ul id="palette" role="listbox" aria-label="Found" className="max-h-[50vh] overflow-y-auto p-1">
        {entries.map((entry, index) => (
          <li
            key={entry.key}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === chosen}
            onMouseMove={() => setAt(index)}
            onClick={entry.run}
            className={`flex cursor-pointer items-baseline justify-between gap-4 rounded px-3 py-1.5 text-sm ${index === chosen ? "bg-selected" : ""}`}
          >
            <span className="min-w-0 truncate">{entry.label}</span>
            <span className="shrink-0 text-xs text-muted">{entry.note}</span>
          </li>
        ))}
      </ul>
      {entries.length === 0 && <p className="px-4 pb-4 text-sm text-muted">Nothing has that name.</p>}
    </dialog>
  );
}

function useEntries(text: string, close: () => void): Entry[] {
  const navigate = useNavigate();
  const act = useVMActions();
  const table = useTransitions();
  const allHosts = useQuery(hosts()).data;
  const name = nameIn(text);
  const found = useQuery({
    queryKey: ["vm", "search", name],
    queryFn: ({ signal }) => get<Page<VM>>("/vms", { q: name, limit: 12 }, signal),
    staleTime: 5_000,
    placeholderData: (old) => old,
  }).data;

  const volumes = useQuery({
    queryKey: ["volume", "search", text],
    queryFn: ({ signal }) => get<Page<Volume>>("/volumes", { q: text, limit: 12 }, signal),
    enabled: text.length > 1,
    staleTime: 5_000,
  }).data?.items;

  return useMemo(() => {
    const go = (to: string) => () => {
      close();
      void navigate(to);
    };
    const machines = (found?.items ?? []).filter((vm) => vm.name.includes(name));
    const entries = [
      ...pageEntries(text, go),
      ...actionEntries(text, machines, table, (vm, action) => {
        close();
        if (action === "console") void navigate(`/vms/${vm.name}/console`);
        else act(vm, action);
      }),
      ...machines.map((vm) => ({ key: vm.id, label: vm.name, note: `VM · ${vm.state}`, run: go(`/vms/${vm.name}`) })),
      ...hostEntries(text, allHosts, go),
      ...volumeEntries(volumes, go),
    ];
    return entries.slice(0, shownAtMost);
  }, [text, name, found, allHosts, volumes, table, act, close, navigate]);
}

// nameIn is the part of what was typed that names a VM: "stop web-1" -> "web-1".
function nameIn(text: string): string {
  const words = text.split(/\s+/);
  const verb = words[0] ?? "";
  const isVerb = words.length > 1 && actions.some((action) => verbOf[action].toLowerCase().startsWith(verb));
  return isVerb ? (words[words.length - 1] ?? "") : text;
}

type Go = (to: string) => () => void;

function pageEntries(text: string, go: Go): Entry[] {
  const commands = [{ to: "/vms?create=1", label: "Create a VM" }, { to: "/volumes?create=1", label: "Create a volume" }, ...places];
  return commands
    .filter((place) => place.label.toLowerCase().includes(text))
    .map((place) => ({ key: place.to, label: place.label, note: "Page", run: go(place.to) }));
}

function hostEntries(text: string, all: Host[] | undefined, go: Go): Entry[] {
  return (all ?? [])
    .filter((host) => text !== "" && host.name.includes(text))
    .map((host) => ({ key: host.id, label: host.name, note: `Host · ${host.state}`, run: go(`/hosts/${host.name}`) }));
}

// volumeEntries leaves out the disks of VMs, which their VMs stand for.
function volumeEntries(found: Volume[] | null | undefined, go: Go): Entry[] {
  return (found ?? []).flatMap((volume) =>
    volume.name ? { key: volume.id, label: volume.name, note: `Volume · ${volumeLook[volume.state].word.toLowerCase()}`, run: go(`/volumes?q=${volume.name}`) } : [],
  );
}

function actionEntries(
  text: string,
  machines: VM[],
  table: Transition[] | undefined,
  run: (vm: VM, action: VMAction) => void,
): Entry[] {
  if (text.length < 2) return [];
  const verb = text.split(/\s+/)[0] ?? "";
  return machines.slice(0, 4).flatMap((vm) =>
    [...actions, "console" as const]
      .filter((action) => can(table, vm, action).allowed)
      .filter((action) => nameIn(text) === text || verbOf[action].toLowerCase().startsWith(verb))
      .map((action) => ({
        key: `${vm.id} ${action}`,
        label: `${verbOf[action]} ${vm.name}`,
        note: "Action",
        run: () => run(vm, action),
      })),
  );
}
