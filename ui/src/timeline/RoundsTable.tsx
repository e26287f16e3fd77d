import type { Migration } from "@/api/nouns";
import { bytes, duration, rate } from "@/ui/format";
import { When } from "@/ui/When";
import { dirtyRateOf, roundsOf } from "./migration";

const head = ["Round", "After", "Left", "Sent", "Dirty rate", "Bandwidth", "Throttle", "Pause expected"];

// RoundsTable has the figures of every round, newest last.
export function RoundsTable({ migration }: { migration: Migration }) {
  const rounds = roundsOf(migration);
  const decisions = migration.decisions ?? [];
  return (
    <div className="space-y-3 px-4 pt-3 pb-4">
      {decisions.length > 0 && (
        <ul className="text-sm" aria-label="Decisions">
          {decisions.map((decision) => (
            <li key={`${decision.at}-${decision.action}`}>
              <span className="text-muted">Round {decision.iteration}:</span> {decision.reason}{" "}
              <span className="text-muted">
                ({decision.by === "rules" ? "by the rules" : `by ${decision.by}`}, <When at={decision.at} />)
              </span>
            </li>
          ))}
        </ul>
      )}
      <div className="max-h-80 overflow-auto rounded border border-line" tabIndex={0} role="region" aria-label="Rounds">
        <table className="w-full text-right text-xs">
          <thead className="sticky top-0 bg-canvas text-muted">
            <tr>
              {head.map((title) => (
                <th key={title} className="border-b border-line px-3 py-1.5 font-medium whitespace-nowrap">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rounds.map((round) => (
              <tr key={round.at} className="border-b border-line last:border-0 hover:bg-hover [&>td]:px-3 [&>td]:py-1 [&>td]:whitespace-nowrap">
                <td>
                  {round.iteration}
                  {round.post_copy && " (post-copy)"}
                </td>
                <td>{duration(round.elapsed_ms)}</td>
                <td>{bytes(round.remaining_bytes)}</td>
                <td>{bytes(round.transferred_bytes)}</td>
                <td>{rate(dirtyRateOf(round))}</td>
                <td>{rate(round.bandwidth_bytes_per_second)}</td>
                <td>{round.throttle_percent}%</td>
                <td>{duration(round.expected_downtime_ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
