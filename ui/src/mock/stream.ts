import { ws } from "msw";
import type { WebSocketHandler } from "msw";
import type { Database } from "./database";
import { serveConsole } from "./console";

interface Client {
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export const connections = { refused: false, open: new Set<Client>() };

// streamHandlers are the WebSockets of the mock: events with their resume point, pushes of timelines, and consoles.
export function streamHandlers(database: () => Database, moved: Set<(operation: string) => void>): WebSocketHandler[] {
  const events = ws.link(/\/api\/v1\/events/);
  const consoles = ws.link(/\/api\/v1\/vms\/[^/]+\/console/);
  return [
    events.addEventListener("connection", ({ client }) => {
      if (connections.refused) {
        client.close();
        return;
      }
      connections.open.add(client);
      let stop: (() => void) | undefined;
      let watched = new Set<string>();
      const push = (id: string) => {
        const timeline = database().timelines.get(id);
        if (watched.has(id) && timeline) client.send(JSON.stringify({ type: "operation.timeline", timeline }));
      };
      moved.add(push);
      client.addEventListener("message", (message) => {
        const said = JSON.parse(String(message.data)) as { after?: number; watch?: string[] };
        if (said.after !== undefined && !stop) {
          for (const event of database().events) if (event.sequence > said.after) client.send(JSON.stringify(event));
          stop = database().listen((event) => client.send(JSON.stringify(event)));
        }
        if (said.watch) {
          watched = new Set(said.watch);
          watched.forEach(push);
        }
      });
      client.addEventListener("close", () => {
        connections.open.delete(client);
        moved.delete(push);
        stop?.();
      });
    }),
    consoles.addEventListener("connection", ({ client }) => {
      serveConsole((data) => client.send(data), (listen) => client.addEventListener("message", (message) => listen(message.data)));
    }),
  ];
}
