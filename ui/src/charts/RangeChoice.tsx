import { ranges } from "@/api/metrics";
import type { Range } from "@/api/metrics";

export function RangeChoice({ range, set }: { range: Range; set: (range: Range) => void }) {
  return (
    <div role="group" aria-label="Look back" className="inline-flex rounded border border-line-strong text-sm">
      {ranges.map((each) => (
        <button
          key={each.label}
          type="button"
          aria-pressed={each === range}
          onClick={() => set(each)}
          className={`h-6.5 px-2 first:rounded-l last:rounded-r ${each === range ? "bg-selected font-medium" : "text-muted hover:bg-hover"}`}
        >
          {each.label}
        </button>
      ))}
    </div>
  );
}
