import { useId } from "react";

interface Choice {
  value: string;
  label: string;
  note: string;
}

interface Props {
  label: string;
  find: string; // what the search box is for
  text: string;
  setText: (text: string) => void;
  choices: Choice[];
  value: string;
  set: (value: string) => void;
  none: string; // what to do when nothing is there to choose
  error?: string;
}

// PickField chooses one of what may be many: the search narrows them, the arrow keys move between them.
export function PickField({ label, find, text, setText, choices, value, set, none, error }: Props) {
  const id = useId();
  return (
    <fieldset className="min-w-0" aria-describedby={error ? `${id}-error` : undefined}>
      <legend className="mb-1 text-sm font-medium">{label}</legend>
      <div className={`overflow-hidden rounded border ${error ? "border-failed" : "border-line-strong"}`}>
        <input
          type="search"
          data-first
          aria-label={find}
          placeholder={find}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="h-8 w-full border-b border-line bg-canvas px-2 text-base placeholder:text-muted focus-visible:-outline-offset-2"
        />
        <div className="max-h-40 overflow-y-auto">
          {choices.map((choice) => (
            <label key={choice.value} className={`flex h-8 cursor-pointer items-center gap-2 px-2 text-sm ${choice.value === value ? "bg-selected" : "hover:bg-hover"}`}>
              <input type="radio" name={id} checked={choice.value === value} onChange={() => set(choice.value)} className="size-4 shrink-0 accent-accent-fill" />
              <span className="min-w-0 truncate font-medium">{choice.label}</span>
              <span className="ml-auto shrink-0 text-xs text-muted">{choice.note}</span>
            </label>
          ))}
          {choices.length === 0 && <p className="px-2 py-1.5 text-sm text-muted">{none}</p>}
        </div>
      </div>
      {error && (
        <p id={`${id}-error`} className="mt-1 text-xs text-failed">
          {error}
        </p>
      )}
    </fieldset>
  );
}
