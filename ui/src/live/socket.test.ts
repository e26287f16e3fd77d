import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { EventSocket } from "./socket";
import type { Connection } from "./socket";

class FakeSocket {
  static OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  sent: unknown[] = [];
  onopen?: () => void;
  onclose?: (event: { code: number }) => void;
  onmessage?: (message: { data: string }) => void;
  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  close(code = 1000): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

const event = (sequence: number) => ({ sequence, at: "", type: "vm.started", subject_kind: "vm", subject_id: "vm_1" });

let heard: number[];
let states: Connection[];
let pushed: string[];
let signedOut: number;
let socket: EventSocket;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.made = [];
  heard = [];
  states = [];
  pushed = [];
  signedOut = 0;
  socket = new EventSocket(() => "ws://x/events", {
    event: (each) => heard.push(each.sequence),
    timeline: (each) => pushed.push(each.operation_id),
    connection: (state) => states.push(state),
    signedOut: () => signedOut++,
  });
});
afterEach(() => {
  socket.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const current = () => FakeSocket.made[FakeSocket.made.length - 1]!;

it("begins behind the given sequence", () => {
  socket.open(41);
  current().open();
  expect(current().sent).toEqual([{ after: 41 }]);
  expect(states).toEqual(["live"]);
});

it("resumes behind the last event it has heard, without a gap or a double", () => {
  socket.open(10);
  current().open();
  current().say(event(11));
  current().say(event(13));
  current().close();
  expect(states).toEqual(["live", "lost"]);
  vi.advanceTimersByTime(600);
  current().open();
  expect(current().sent).toEqual([{ after: 13 }]);
  current().say(event(13));
  current().say(event(14));
  expect(heard).toEqual([11, 13, 14]);
});

it("waits longer between tries, and tries at once when told so", () => {
  socket.open(0);
  current().close();
  vi.advanceTimersByTime(500);
  expect(FakeSocket.made).toHaveLength(2);
  current().close();
  vi.advanceTimersByTime(500);
  expect(FakeSocket.made).toHaveLength(2);
  socket.again();
  expect(FakeSocket.made).toHaveLength(3);
});

it("watches an operation as long as anybody looks at it", () => {
  socket.open(0);
  current().open();
  const first = socket.watch("op_1");
  const second = socket.watch("op_1");
  first();
  expect(current().sent[current().sent.length - 1]).toEqual({ watch: ["op_1"] });
  second();
  expect(current().sent[current().sent.length - 1]).toEqual({ watch: [] });
});

it("asks for its watched operations again after a reconnection", () => {
  socket.open(0);
  current().open();
  socket.watch("op_1");
  current().close();
  vi.advanceTimersByTime(600);
  current().open();
  expect(current().sent).toEqual([{ after: 0 }, { watch: ["op_1"] }]);
});

it("hands timelines on", () => {
  socket.open(0);
  current().open();
  current().say({ type: "operation.timeline", timeline: { operation_id: "op_1", state: "running", steps: [], history_at: 4 } });
  expect(pushed).toEqual(["op_1"]);
});

it("says when the session has ended instead of trying on", () => {
  socket.open(0);
  current().open();
  current().close(4001);
  expect(signedOut).toBe(1);
});
