import { setupWorker } from "msw/browser";
import { readConfig } from "./config";
import { connections } from "./stream";
import { World } from "./world";

declare global {
  interface Window {
    // mock lets a test cut the event stream and bring it back.
    mock?: { world: World; cut(): void; mend(): void };
  }
}

// startMock puts the in-memory backend before the network.
export async function startMock(): Promise<void> {
  const world = new World(readConfig());
  await setupWorker(...world.handlers).start({ quiet: true, onUnhandledRequest: "bypass" });
  world.run();
  window.mock = {
    world,
    cut: () => {
      connections.refused = true;
      connections.open.forEach((client) => client.close());
    },
    mend: () => {
      connections.refused = false;
    },
  };
}
