import { X } from "lucide-react";
import { createContext, useCallback, useContext, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { messageOf } from "@/api/problem";
import { Button } from "./Button";

interface Toast {
  key: number;
  text: string;
  failed: boolean;
  link?: { to: string; label: string };
}

interface Say {
  (text: string, link?: Toast["link"]): void;
  failed(error: unknown): void;
}

const SayContext = createContext<Say>(Object.assign(() => undefined, { failed: () => undefined }));
export const useSay = (): Say => useContext(SayContext);

const shownFor = 6_000;

// Toasts tells what came of an action when its place on the page is gone. Failures stay until they are closed.
export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const remove = useCallback((key: number) => setToasts((old) => old.filter((toast) => toast.key !== key)), []);
  const say = useMemo<Say>(() => {
    let next = 0;
    const add = (toast: Omit<Toast, "key">) => {
      const key = next++;
      setToasts((old) => [...old.slice(-3), { ...toast, key }]);
      if (!toast.failed) setTimeout(() => remove(key), shownFor);
    };
    return Object.assign((text: string, link?: Toast["link"]) => add({ text, link, failed: false }), {
      failed: (error: unknown) => add({ text: messageOf(error), failed: true }),
    });
  }, [remove]);
  return (
    <SayContext.Provider value={say}>
      {children}
      <div role="status" aria-live="polite" className="fixed right-4 bottom-4 z-30 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2">
        {toasts.map((toast) => (
          <div
            key={toast.key}
            className={`flex items-start gap-2 rounded border bg-canvas py-1 pr-1 pl-3 text-sm ${toast.failed ? "border-failed" : "border-line-strong"}`}
          >
            <p className="min-w-0 flex-1 py-1 [overflow-wrap:anywhere]">
              {toast.failed && <strong className="text-failed">Failed: </strong>}
              {toast.text}{" "}
              {toast.link && (
                <Link to={toast.link.to} className="text-accent underline">
                  {toast.link.label}
                </Link>
              )}
            </p>
            <Button kind="ghost" square aria-label="Dismiss" onClick={() => remove(toast.key)}>
              <X className="size-3.5" />
            </Button>
          </div>
        ))}
      </div>
    </SayContext.Provider>
  );
}
