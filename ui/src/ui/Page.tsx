import { useEffect, useRef } from "react";
import type { ReactNode } from "react";
import { Link, NavLink } from "react-router";

interface Props {
  title: string;
  above?: { to: string; label: string }; // the list that this page belongs to
  state?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  full?: boolean; // the content fills the window and scrolls inside itself
}

// Page is the frame of a page's content. Its heading takes the focus, so that a screen reader hears each change of page.
export function Page({ title, above, state, actions, children, full }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · NovaCron`;
    if (document.activeElement === document.body) heading.current?.focus();
  }, [title]);
  return (
    <div className={full ? "flex h-full min-h-0 flex-col" : "pb-8"}>
      <header className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3">
        <div className="flex min-w-48 flex-1 flex-wrap items-baseline gap-x-2 max-sm:basis-full">
          {above && (
            <span className="text-base text-muted">
              <Link to={above.to} className="hover:text-ink hover:underline">
                {above.label}
              </Link>{" "}
              /
            </span>
          )}
          <h1 ref={heading} tabIndex={-1} className="text-lg font-semibold [overflow-wrap:anywhere]">
            {title}
          </h1>
          {state && <span className="self-center text-sm">{state}</span>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Tabs({ tabs }: { tabs: { to: string; label: string; count?: number }[] }) {
  return (
    <nav aria-label="Sections" className="flex gap-4 overflow-x-auto border-b border-line px-4">
      {tabs.map((tab) => (
        <NavLink
          key={tab.to}
          to={tab.to}
          end
          className={({ isActive }) =>
            `-mb-px border-b-2 py-1.5 text-sm whitespace-nowrap ${isActive ? "border-accent font-medium text-ink" : "border-transparent text-muted hover:text-ink"}`
          }
        >
          {tab.label}
          {tab.count !== undefined && <span className="text-xs text-muted"> {tab.count}</span>}
        </NavLink>
      ))}
    </nav>
  );
}

// Section is a titled block of a page.
export function Section({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="min-w-0">
      <div className="mb-2 flex min-h-7 items-center justify-between gap-2">
        <h2 className="text-sm font-semibold">{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

// Facts is a list of names and values.
export function Facts({ rows }: { rows: [name: string, value: ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[minmax(6rem,auto)_1fr] gap-x-4 gap-y-1 text-sm">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p role="status" className="px-4 py-8 text-center text-sm text-muted">
      Loading {what}…
    </p>
  );
}
