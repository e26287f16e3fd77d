import { useId } from "react";
import type { InputHTMLAttributes, ReactNode, SelectHTMLAttributes, TextareaHTMLAttributes } from "react";

const box =
  "h-8 w-full rounded border bg-canvas px-2 text-base text-ink placeholder:text-muted disabled:bg-sunken disabled:text-muted";

interface Shared {
  label: string;
  hint?: ReactNode;
  error?: string;
}

interface Wiring {
  id: string;
  "aria-invalid"?: true;
  "aria-describedby"?: string;
  className: string;
}

function Labelled({ label, hint, error, children }: Shared & { children: (wiring: Wiring) => ReactNode }) {
  const id = useId();
  const about = error || hint ? `${id}-about` : undefined;
  return (
    <div className="min-w-0">
      <label htmlFor={id} className="mb-1 block text-sm font-medium">
        {label}
      </label>
      {children({
        id,
        "aria-invalid": error ? true : undefined,
        "aria-describedby": about,
        className: `${box} ${error ? "border-failed" : "border-line-strong"}`,
      })}
      {about && (
        <p id={about} className={`mt-1 text-xs ${error ? "text-failed" : "text-muted"}`}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

export function TextField({ label, hint, error, ...input }: Shared & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(wiring) => <input {...input} {...wiring} data-first={input.autoFocus || undefined} autoComplete={input.autoComplete ?? "off"} spellCheck={false} />}
    </Labelled>
  );
}

// LinesField takes text of several lines, such as a key.
export function LinesField({ label, hint, error, ...input }: Shared & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(wiring) => <textarea {...input} {...wiring} className={`${wiring.className} min-h-20 py-1 font-mono text-xs`} autoComplete="off" spellCheck={false} />}
    </Labelled>
  );
}

export function SelectField({
  label,
  hint,
  error,
  children,
  ...select
}: Shared & SelectHTMLAttributes<HTMLSelectElement>) {
  return (
    <Labelled label={label} hint={hint} error={error}>
      {(wiring) => (
        <select {...select} {...wiring}>
          {children}
        </select>
      )}
    </Labelled>
  );
}

export function CheckField({ label, hint, ...input }: Shared & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className="flex items-start gap-2 text-sm">
      <input id={id} type="checkbox" {...input} className="mt-0.5 size-4 shrink-0 accent-accent-fill" aria-describedby={hint ? `${id}-about` : undefined} />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint && (
          <p id={`${id}-about`} className="text-xs text-muted">
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

export function Advanced({ children, summary = "Advanced" }: { children: ReactNode; summary?: string }) {
  return (
    <details className="rounded border border-line">
      <summary className="cursor-pointer px-3 py-1.5 text-sm font-medium select-none hover:bg-hover">{summary}</summary>
      <div className="space-y-3 border-t border-line p-3">{children}</div>
    </details>
  );
}
