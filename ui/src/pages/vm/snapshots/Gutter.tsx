import type { Row } from "./tree";

const line = "absolute bg-line-strong";
const middle = "left-[calc(50%-0.5px)] w-px";

// Gutter draws the tree's lines beside a row; what they say stands in the row as well.
export function Gutter({ row: { snapshot, lane, passing, begins, goesOn } }: { row: Row }) {
  const turnsOff = begins && lane > 0;
  return (
    <span aria-hidden className="flex shrink-0 self-stretch [--at:1.125rem] *:relative *:w-5 max-sm:*:w-4">
      {passing.map((passes, index) => (
        <span key={index}>
          {passes && <span className={`${line} ${middle} inset-y-0`} />}
          {turnsOff && index === lane - 1 && <span className={`${line} top-[calc(var(--at)-0.5px)] right-0 left-1/2 h-px`} />}
        </span>
      ))}
      <span>
        {!begins && <span className={`${line} ${middle} top-0 h-(--at)`} />}
        {turnsOff && <span className={`${line} top-[calc(var(--at)-0.5px)] right-1/2 left-0 h-px`} />}
        {goesOn && <span className={`${line} ${middle} top-(--at) bottom-0`} />}
        <span
          className={`absolute top-[calc(var(--at)-0.3125rem)] left-[calc(50%-0.3125rem)] size-2.5 rounded-full border-2 ${
            snapshot ? "border-muted bg-muted" : "border-accent bg-canvas"
          }`}
        />
      </span>
    </span>
  );
}
