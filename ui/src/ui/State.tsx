import {
  Ban,
  Check,
  Circle,
  CircleHelp,
  Clock,
  LoaderCircle,
  Pause,
  TriangleAlert,
  Undo2,
  X,
} from "lucide-react";
import type { ComponentType } from "react";
import type { Look, Tone } from "./states";

export const toneText: Record<Tone, string> = {
  ok: "text-ok",
  working: "text-working",
  attention: "text-attention",
  failed: "text-failed",
  quiet: "text-muted",
};

export const toneSoft: Record<Tone, string> = {
  ok: "bg-ok-soft text-ok",
  working: "bg-working-soft text-working",
  attention: "bg-attention-soft text-attention",
  failed: "bg-failed-soft text-failed",
  quiet: "bg-sunken text-muted",
};

function Dot({ className }: { className?: string }) {
  return <Circle className={className} fill="currentColor" strokeWidth={0} />;
}

const icons: Record<Look["icon"], ComponentType<{ className?: string }>> = {
  dot: Dot,
  check: Check,
  cross: X,
  spin: LoaderCircle,
  pause: Pause,
  warning: TriangleAlert,
  ring: Circle,
  question: CircleHelp,
  undo: Undo2,
  clock: Clock,
  skip: Ban,
};

// State shows a state by colour, icon and word.
export function State({ look, label, soft }: { look: Look; label?: string; soft?: boolean }) {
  const Icon = icons[look.icon];
  const spin = look.icon === "spin" ? "turning" : "";
  const ground = soft ? `rounded px-1.5 py-0.5 ${toneSoft[look.tone]}` : toneText[look.tone];
  return (
    <span className={`inline-flex items-center gap-1.5 align-baseline whitespace-nowrap ${ground}`}>
      <span aria-hidden className="contents">
        <Icon className={`size-3.5 shrink-0 ${spin} ${look.icon === "dot" || look.icon === "ring" ? "scale-75" : ""}`} />
      </span>
      {label !== "" && <span className="self-baseline">{label ?? look.word}</span>}
    </span>
  );
}
