import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import { Link } from "react-router";
import { Tooltip } from "./Tooltip";

type Kind = "primary" | "plain" | "danger" | "ghost";

const looks: Record<Kind, string> = {
  primary: "border-transparent bg-accent-fill text-white hover:bg-accent-fill-hover",
  danger: "border-transparent bg-failed-fill text-white hover:opacity-90",
  plain: "border-line-strong bg-canvas text-ink hover:bg-hover",
  ghost: "border-transparent bg-transparent text-ink hover:bg-hover",
};

const shape =
  "inline-flex h-7 shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded border px-2.5 text-sm font-medium transition-colors duration-150";

const refused = "cursor-not-allowed! border-line bg-sunken text-muted hover:bg-sunken";
const refusedGhost = "cursor-not-allowed! border-transparent bg-transparent text-muted opacity-60";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: Kind;
  why?: string; // why it is disabled: it stays focusable, so that the reason can be read
  hint?: string;
  square?: boolean; // an icon alone; give aria-label
  ref?: Ref<HTMLButtonElement>;
  children: ReactNode;
}

export function Button({ kind = "plain", why, hint, square, className = "", onClick, type = "button", ...rest }: Props) {
  const off = Boolean(why) || rest.disabled;
  const label = square ? (rest["aria-label"] ?? undefined) : undefined;
  return (
    <Tooltip text={why ?? hint ?? label}>
      <button
        {...rest}
        type={type}
        aria-disabled={off || undefined}
        onClick={why ? (event) => event.preventDefault() : onClick}
        className={`${shape} ${off ? (kind === "ghost" ? refusedGhost : refused) : looks[kind]} ${square ? "w-7 px-0!" : ""} ${className}`}
      />
    </Tooltip>
  );
}

export function LinkButton({ to, kind = "plain", children }: { to: string; kind?: Kind; children: ReactNode }) {
  return (
    <Link to={to} className={`${shape} ${looks[kind]}`}>
      {children}
    </Link>
  );
}
