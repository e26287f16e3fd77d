import type { RequestHandler, WebSocketHandler } from "msw";
import { isFinal } from "@/api/can";
import type { MockConfig } from "./config";
import type { Database } from "./database";
import { handlersFor } from "./handlers";
import { seeded } from "./seed";
import { streamHandlers } from "./stream";

const tick = 100; // ms

// World is the mock as a whole: an inventory, the operations that go on in it, and what it answers.
export class World {
  database: Database;
  readonly handlers: (RequestHandler | WebSocketHandler)[];
  private moved = new Set<(operation: string) => void>();
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(config: MockConfig) {
    this.database = seeded(config);
    const database = () => this.database;
    this.handlers = [...handlersFor(database), ...streamHandlers(database, this.moved)];
  }

  // run lets time pass.
  run(): void {
    this.timer = setInterval(() => this.advance(), tick);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  advance(): void {
    for (const operation of this.database.operations.values()) {
      if (isFinal(operation)) continue;
      const run = this.database.runs.get(operation.id);
      let changed = false;
      while (run?.advance() && !run.ended) {
        changed = true;
        if (this.database.timelines.get(operation.id)?.steps?.some((step) => step.state === "running")) break;
      }
      if (changed || run?.ended) this.moved.forEach((tell) => tell(operation.id));
    }
    for (const host of this.database.hosts) if (host.state !== "offline") host.last_seen_at = new Date().toISOString();
  }
}
