import { X } from "lucide-react";
import { createContext, useCallback, useContext, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { messageOf } from "@/api/problem";
import { Button } from "./Button";

// What a toast offers besides its text: a page, or something to do.
type Offer = { label: string } & ({ to: string } | { act: () => void });

interface Toast {
  key: number;
  text: string;
  failed: boolean;
  offer?: Offer;
}

interface Say {
  (text: string, offer?: Offer): void;
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
    return Object.assign((text: string, offer?: Offer) => add({ text, offer, failed: false }), {
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
              {toast.offer && <Offered offer={toast.offer} done={() => remove(toast.key)} />}
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

function Offered({ offer, done }: { offer: Offer; done: () => void }) {
  if ("to" in offer) {
    return (
      <Link to={offer.to} className="text-accent underline">
        {offer.label}
      </Link>
    );
  }
  const act = () => {
    done();
    offer.act();
  };
  return (
    <button type="button" onClick={act} className="text-accent underline">
      {offer.label}
    </button>
  );
}
