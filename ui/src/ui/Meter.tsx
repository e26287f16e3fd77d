import { percent } from "./format";

interface Props {
  fraction: number | undefined; // undefined if it is not known
  label: string;
  text?: string; // what stands beside the bar; the percentage if left out
  room?: number; // letters that the text is given at least, so that the bars of a column line up
}

// Meter shows how full something is. Above 90% it takes the attention colour; the number says it too.
export function Meter({ fraction, label, text, room = 4 }: Props) {
  if (fraction === undefined || !Number.isFinite(fraction)) {
    return (
      <span aria-label={`${label}: not known`} role="img" className="text-xs text-muted">
        not known
      </span>
    );
  }
  const value = Math.min(1, Math.max(0, fraction));
  return (
    <span className="inline-flex w-full items-center gap-2 align-middle">
      <span
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(value * 100)}
        className="h-1.5 min-w-8 flex-1 overflow-hidden rounded-full bg-line"
      >
        <span
          className={`block h-full rounded-full transition-[width] duration-150 ${value > 0.9 ? "bg-attention" : "bg-accent-fill"}`}
          style={{ width: `${value * 100}%` }}
        />
      </span>
      <span className="text-right text-xs whitespace-nowrap" style={{ minWidth: `${room}ch` }}>
        {text ?? percent(fraction)}
      </span>
    </span>
  );
}
