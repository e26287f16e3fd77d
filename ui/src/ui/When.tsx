import { useNow } from "./clock";
import { relative } from "./format";

const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export const exactTime = (at: string): string => exact.format(new Date(at));

// When shows a time as people say it, with the exact one on hover.
export function When({ at, never = "–" }: { at?: string; never?: string }) {
  const now = useNow();
  if (!at || at.startsWith("0001-")) return <span className="text-muted">{never}</span>;
  return (
    <time dateTime={at} title={exactTime(at)} className="whitespace-nowrap">
      {relative(Date.parse(at), now)}
    </time>
  );
}
