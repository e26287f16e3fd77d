import type { Event, Timeline } from "@/api/nouns";

// Connection is what the banner shows: "lost" means that events are missing until it is back, never that any are skipped.
export type Connection = "connecting" | "live" | "lost";

export interface TimelinePush {
  type: "operation.timeline";
  timeline: Timeline;
}

interface Listener {
  event(event: Event): void;
  timeline(timeline: Timeline): void;
  connection(state: Connection): void;
  signedOut(): void;
}

const firstRetry = 500;
const slowestRetry = 8_000;
const closedSignedOut = 4001; // api/events_socket.go

// EventSocket keeps one WebSocket to the event stream open. It resumes behind the last sequence it has seen, so that a
// cut leaves no gap, and repeats the list of watched operations after each reconnection.
export class EventSocket {
  private socket: WebSocket | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private retry = firstRetry;
  private closed = false;
  private last: number | undefined;
  private watched = new Map<string, number>();

  constructor(
    private readonly url: () => string,
    private readonly listener: Listener,
  ) {}

  // open connects, from the given sequence on.
  open(after: number): void {
    this.closed = false;
    this.last ??= after;
    this.connect();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  // again tries at once, for when the network is known to be back.
  again = (): void => {
    if (this.closed || this.socket?.readyState === WebSocket.OPEN) return;
    clearTimeout(this.timer);
    this.retry = firstRetry;
    this.connect();
  };

  // watch asks for an operation's timeline to be pushed until the returned function is called.
  watch(operation: string): () => void {
    this.watched.set(operation, (this.watched.get(operation) ?? 0) + 1);
    this.sendWatched();
    return () => {
      const left = (this.watched.get(operation) ?? 1) - 1;
      if (left > 0) this.watched.set(operation, left);
      else this.watched.delete(operation);
      this.sendWatched();
    };
  }

  private connect(): void {
    this.socket?.close();
    const socket = new WebSocket(this.url());
    this.socket = socket;
    socket.onopen = () => {
      this.retry = firstRetry;
      socket.send(JSON.stringify({ after: this.last ?? 0 }));
      if (this.watched.size > 0) this.sendWatched();
      this.listener.connection("live");
    };
    socket.onmessage = (message) => this.receive(String(message.data));
    socket.onclose = (event) => {
      if (this.socket !== socket || this.closed) return;
      if (event.code === closedSignedOut) this.listener.signedOut();
      this.listener.connection("lost");
      this.timer = setTimeout(() => this.connect(), this.retry);
      this.retry = Math.min(this.retry * 2, slowestRetry);
    };
  }

  private sendWatched(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(JSON.stringify({ watch: [...this.watched.keys()] }));
  }

  private receive(text: string): void {
    const message = JSON.parse(text) as Event | TimelinePush;
    if ("timeline" in message) {
      this.listener.timeline(message.timeline);
      return;
    }
    if (message.sequence <= (this.last ?? 0)) return;
    this.last = message.sequence;
    this.listener.event(message);
  }
}
