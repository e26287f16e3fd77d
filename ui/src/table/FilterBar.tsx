import { ListFilter, Search, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import { Menu } from "@/ui/Menu";

export interface FilterChoice<K extends string> {
  name: K;
  label: string;
  options: { value: string; label: string }[];
}

interface Props<K extends string> {
  values: Partial<Record<K, string>>;
  set: (name: K, value: string | undefined, replace?: boolean) => void;
  choices: FilterChoice<Exclude<K, "q">>[];
  search?: string; // the label of the search box; none if left out
  count?: ReactNode;
}

const typingPause = 250; // ms

// FilterBar shows what a list is narrowed to, as chips, and offers more.
export function FilterBar<K extends string>({ values, set, choices, search, count }: Props<K>) {
  return (
    <div className="flex flex-wrap items-center gap-2 px-4 pb-2">
      {search && <SearchBox label={search} value={values["q" as K] ?? ""} set={(text) => set("q" as K, text || undefined, true)} />}
      {choices.map((choice) => (
        <Menu
          key={choice.name}
          label={choice.label}
          text={choice.label}
          kind="plain"
          icon={<ListFilter className="size-3.5" aria-hidden />}
          items={choice.options.map((option) => ({
            label: option.label,
            act: () => set(choice.name, option.value),
          }))}
        />
      ))}
      {choices.map((choice) => {
        const value = values[choice.name];
        if (!value) return null;
        const label = choice.options.find((option) => option.value === value)?.label ?? value;
        return (
          <span key={choice.name} className="inline-flex h-7 items-center gap-1 rounded border border-accent/40 bg-selected pl-2 text-sm">
            <span className="text-muted">{choice.label}:</span> {label}
            <button
              type="button"
              aria-label={`Remove the filter ${choice.label}`}
              onClick={() => set(choice.name, undefined)}
              className="flex h-full w-6 items-center justify-center rounded hover:bg-hover"
            >
              <X className="size-3.5" />
            </button>
          </span>
        );
      })}
      {count !== undefined && <span className="ml-auto text-xs text-muted">{count}</span>}
    </div>
  );
}

function SearchBox({ label, value, set }: { label: string; value: string; set: (text: string) => void }) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  useEffect(() => {
    if (value !== sent.current) {
      sent.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => {
    if (text === sent.current) return undefined;
    const pause = setTimeout(() => {
      sent.current = text;
      set(text);
    }, typingPause);
    return () => clearTimeout(pause);
  }, [text, set]);
  return (
    <div className="relative">
      <Search className="pointer-events-none absolute top-1.5 left-2 size-4 text-muted" aria-hidden />
      <input
        type="search"
        data-search
        aria-label={label}
        placeholder={label}
        value={text}
        onChange={(event) => setText(event.target.value)}
        className="h-7 w-56 max-w-full rounded border border-line-strong bg-canvas pr-2 pl-8 text-sm placeholder:text-muted"
      />
    </div>
  );
}
