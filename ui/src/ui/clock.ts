import { useEffect, useState, useSyncExternalStore } from "react";

// One ticking clock for all relative times on the page, so that a table of them costs one timer.
let now = Date.now();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    listeners.forEach((each) => each());
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

const read = () => {
  if (!timer) now = Date.now();
  return now;
};

// useNow is the time to the second.
export function useNow(): number {
  return useSyncExternalStore(subscribe, read);
}

// useFastNow is the time several times a second, for bars that grow; it stands still when not running.
export function useFastNow(running: boolean): number {
  const [instant, setInstant] = useState(Date.now);
  useEffect(() => {
    if (!running) return undefined;
    const fast = setInterval(() => setInstant(Date.now()), 250);
    return () => clearInterval(fast);
  }, [running]);
  return instant;
}
