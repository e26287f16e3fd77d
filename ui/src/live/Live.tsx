import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useRef, useState } from "react";
import type { ReactNode } from "react";
import { get, socketAddress } from "@/api/client";
import { useSelectedProject } from "@/api/project";
import { EventApplier } from "./apply";
import { EventSocket } from "./socket";
import type { Connection } from "./socket";
import { currentSequence } from "./sequence";

interface LiveState {
  connection: Connection;
  watch(operation: string): () => void;
  again(): void;
}

const LiveContext = createContext<LiveState>({
  connection: "connecting",
  watch: () => () => undefined,
  again: () => undefined,
});

// askWhoAmI finds out whether the session has ended: the client then leads to the login.
const askWhoAmI = (): void => void get("/whoami").catch(() => undefined);

// Live keeps the caches true for everything below it, by one WebSocket.
export function Live({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const project = useSelectedProject();
  const [connection, setConnection] = useState<Connection>("connecting");
  const everLive = useRef(false);

  const socket = useMemo(() => {
    const applier = new EventApplier(client);
    return new EventSocket(() => socketAddress("/events"), {
      event: (event) => applier.event(event),
      timeline: (timeline) => applier.timeline(timeline),
      connection: (state) => {
        if (state === "live" && !everLive.current) applier.refreshOlderThan(Date.now());
        everLive.current ||= state === "live";
        if (state === "lost") askWhoAmI();
        setConnection(state);
      },
      signedOut: askWhoAmI,
    });
    // A new project is a new stream.
    // oxlint-disable-next-line exhaustive-deps
  }, [client, project]);

  useEffect(() => {
    let stopped = false;
    const begin = () =>
      currentSequence().then(
        (sequence) => {
          if (!stopped) socket.open(sequence);
        },
        () => {
          if (stopped) return;
          setConnection("lost");
          timer = setTimeout(begin, 2_000);
        },
      );
    let timer: ReturnType<typeof setTimeout> | undefined;
    void begin();
    window.addEventListener("online", socket.again);
    return () => {
      stopped = true;
      clearTimeout(timer);
      window.removeEventListener("online", socket.again);
      socket.close();
    };
  }, [socket]);

  const state = useMemo(
    () => ({ connection, watch: (operation: string) => socket.watch(operation), again: socket.again }),
    [connection, socket],
  );
  return <LiveContext.Provider value={state}>{children}</LiveContext.Provider>;
}

export const useLive = (): LiveState => useContext(LiveContext);

// useWatch has the timelines of these operations pushed while the component is mounted.
export function useWatch(operation: string | undefined): void {
  const { watch } = useLive();
  useEffect(() => (operation ? watch(operation) : undefined), [operation, watch]);
}
