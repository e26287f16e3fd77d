import { CircleX, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { messageOf } from "@/api/problem";
import { Button } from "./Button";

const grounds = {
  info: "border-line bg-sunken text-ink",
  attention: "border-attention/40 bg-attention-soft text-ink",
  failed: "border-failed/40 bg-failed-soft text-ink",
};

const icons = {
  info: <Info className="size-4 text-muted" aria-hidden />,
  attention: <TriangleAlert className="size-4 text-attention" aria-hidden />,
  failed: <CircleX className="size-4 text-failed" aria-hidden />,
};

interface Props {
  tone?: keyof typeof grounds;
  children: ReactNode;
  action?: ReactNode;
}

// Notice is a sentence or two that the reader should not miss.
export function Notice({ tone = "info", children, action }: Props) {
  return (
    <div role={tone === "failed" ? "alert" : undefined} className={`flex items-start gap-2 rounded border px-3 py-2 text-sm ${grounds[tone]}`}>
      <span className={`shrink-0 ${action ? "mt-1.5" : "mt-0.5"}`}>{icons[tone]}</span>
      <div className={`min-w-0 flex-1 [overflow-wrap:anywhere] ${action ? "py-1" : ""}`}>{children}</div>
      {action}
    </div>
  );
}

// Failure shows an error of a read or a request.
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  if (!error) return null;
  return (
    <Notice tone="failed" action={retry && <Button onClick={retry}>Try again</Button>}>
      {messageOf(error)}
    </Notice>
  );
}
