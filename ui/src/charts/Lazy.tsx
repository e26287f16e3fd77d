import { lazy, Suspense } from "react";
import type { TimeChartProps } from "./TimeChart";

const TimeChart = lazy(() => import("./TimeChart"));

// Chart loads the chart's code when the first one is shown, in a box of the same height.
export function Chart(props: TimeChartProps) {
  return (
    <Suspense fallback={<div className="h-[14.25rem] rounded border border-line" />}>
      <TimeChart {...props} />
    </Suspense>
  );
}
