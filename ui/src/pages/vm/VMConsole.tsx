import { lazy, Suspense } from "react";
import { can } from "@/api/can";
import { useTransitions } from "@/forms/transitions";
import { Empty } from "@/ui/Empty";
import { Loading } from "@/ui/Page";
import { useVM } from "./VM";

const Screen = lazy(() => import("./Screen"));

export function Page() {
  const vm = useVM();
  const verdict = can(useTransitions(), vm, "console");
  if (!verdict.allowed) return <Empty title="There is no screen to show">{verdict.reason}</Empty>;
  return (
    <Suspense fallback={<Loading what="the console" />}>
      <Screen vm={vm} />
    </Suspense>
  );
}
