import type * as Noun from "@/api/nouns";
import type { Database } from "./database";

// Work is what a step does while it runs: it answers whether it is done. It may throw Failure.
export interface StepScript {
  name: string;
  title: string;
  undo?: string;
  noReturn?: boolean;
  host?: string; // a host's name; the control plane if left out
  lasts: number; // ms
  queued?: number; // ms that it waits for a worker
  failures?: { error: string; next: string; fatal?: boolean }[]; // attempts that fail, in order
  input?: unknown;
  result?: () => unknown;
  unit?: { unit: Noun.Progress["unit"]; total: number };
  work?: (moment: Moment) => boolean;
  after?: () => void;
}

export interface Moment {
  now: number;
  elapsed: number; // ms since the step began, at the speed of the mock
  step: Noun.Step;
  timeline: Noun.Timeline;
}

export class Failure extends Error {}

export interface Script {
  steps: StepScript[];
  ending?: (state: Noun.OperationState) => void;
  result?: () => unknown;
}

const pickUp = 180; // ms until an accepted operation begins
const usualQueue = 60;
const undoLasts = 700;
const retryPause = 1_200;

// Run plays an operation's script. advance may be called as often as one likes, also over a time that has passed.
export class Run {
  private at = 0;
  private undoing: StepScript[] = [];
  private ending: Noun.OperationState | undefined;
  private retryAt = 0;
  private cancelAsked = false;

  constructor(
    private readonly database: Database,
    readonly id: string,
    readonly script: Script,
    readonly tuned: Noun.Tuning = {},
  ) {
    database.timelines.set(id, {
      operation_id: id,
      state: "accepted",
      history_at: 1,
      steps: script.steps.map((step) => ({
        name: step.name,
        title: step.title,
        no_return: step.noReturn,
        state: "planned",
        calls: 0,
        attempts: 0,
      })),
    });
  }

  cancel(): void {
    this.cancelAsked = true;
  }

  tune(tuning: Noun.Tuning): void {
    Object.assign(this.tuned, tuning);
    if (tuning.abort) this.cancelAsked = true;
  }

  get ended(): boolean {
    const { state } = this.database.operations.get(this.id)!;
    return state === "succeeded" || state === "failed" || state === "cancelled";
  }

  // advance plays on to the database's now; it answers whether anything changed.
  advance(): boolean {
    const operation = this.database.operations.get(this.id)!;
    const now = this.database.clock();
    const speed = this.database.config.speed;
    if (this.ended) return false;
    if (operation.state === "accepted") {
      if (now - Date.parse(operation.created_at) < pickUp / speed) return false;
      this.setState("running", { started_at: this.database.now(), run_id: "0198c1c2-7f3e-7e11-9a55-3f1c8a4b6d21" });
    }
    const changed = this.undoing.length > 0 || this.ending ? this.undo(now, speed) : this.forward(now, speed);
    if (changed) this.timeline.history_at += 3;
    return changed;
  }

  get timeline(): Noun.Timeline {
    return this.database.timelines.get(this.id)!;
  }

  private setState(state: Noun.OperationState, change: Partial<Noun.Operation> = {}): void {
    this.database.setOperation(this.id, { state, ...change });
    this.timeline.state = state;
    const event = state === "running" ? "operation.started" : `operation.${state}`;
    this.database.tell(event, "operation", this.id, this.id);
  }

  private forward(now: number, speed: number): boolean {
    const script = this.script.steps[this.at];
    if (!script) {
      this.end("succeeded");
      return true;
    }
    const step = this.timeline.steps![this.at]!;
    const noReturn = this.database.operations.get(this.id)!.no_return;
    if (this.cancelAsked && !noReturn) {
      if (step.started_at) Object.assign(step, { state: "cancelled", ended_at: this.database.now() });
      return this.turnBack("cancelled");
    }
    if (step.state === "planned") return this.schedule(script, step);
    if (step.state === "queued") {
      if (now - Date.parse(step.scheduled_at!) < (script.queued ?? usualQueue) / speed) return false;
      return this.begin(script, step);
    }
    if (step.state === "retrying") {
      if (now < this.retryAt) return false;
      return this.begin(script, step);
    }
    return this.work(script, step, now, speed);
  }

  private schedule(script: StepScript, step: Noun.Step): boolean {
    Object.assign(step, {
      state: "queued",
      queue: script.host ? `host.${this.database.host(script.host)?.id ?? script.host}` : "control",
      host_name: script.host,
      scheduled_at: this.database.now(),
      input: script.input ? JSON.stringify(script.input) : undefined,
    });
    if (script.noReturn) {
      this.timeline.no_return_at = this.database.now();
      this.database.setOperation(this.id, { no_return: true });
      this.database.tell("operation.no_return", "operation", this.id, this.id);
    }
    return true;
  }

  private begin(script: StepScript, step: Noun.Step): boolean {
    Object.assign(step, {
      state: "running",
      started_at: this.database.now(),
      calls: 1,
      attempts: step.attempts + 1,
      worker: `${4_000 + step.attempts}@${script.host ?? "control"}`,
      progress: script.unit ? { done: 0, ...script.unit } : undefined,
    });
    return true;
  }

  private work(script: StepScript, step: Noun.Step, now: number, speed: number): boolean {
    const elapsed = (now - Date.parse(step.started_at!)) * speed;
    const failure = script.failures?.[step.attempts - 1];
    try {
      if (failure && elapsed > script.lasts / 3) throw new Failure(failure.error);
      const done = script.work
        ? script.work({ now, elapsed, step, timeline: this.timeline })
        : elapsed >= script.lasts;
      if (step.progress) step.progress.done = Math.min(script.unit!.total, Math.round((elapsed / script.lasts) * script.unit!.total));
      if (!done) return Boolean(script.work || step.progress);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return this.failed(step, error.message, failure, now, speed);
    }
    if (step.progress) step.progress.done = step.progress.total;
    Object.assign(step, { state: "done", ended_at: this.database.now(), error: undefined, next: undefined });
    script.after?.();
    if (script.result) step.result = JSON.stringify(script.result());
    this.at++;
    return true;
  }

  private failed(step: Noun.Step, message: string, failure: { next: string; fatal?: boolean } | undefined, now: number, speed: number): boolean {
    step.error = message;
    step.next = failure?.next;
    if (failure && !failure.fatal) {
      step.state = "retrying";
      this.retryAt = now + retryPause / speed;
      return true;
    }
    Object.assign(step, { state: "failed", ended_at: this.database.now() });
    this.database.setOperation(this.id, { error: { kind: "unavailable", message, step: step.name } });
    return this.turnBack("failed");
  }

  private turnBack(ending: Noun.OperationState): boolean {
    this.ending = ending;
    const begun = this.script.steps.slice(0, this.at + 1);
    this.undoing = begun.filter((script, index) => script.undo && this.timeline.steps![index]!.started_at).reverse();
    this.setState("undoing");
    return true;
  }

  private undo(now: number, speed: number): boolean {
    const script = this.undoing[0];
    if (!script) {
      this.end(this.ending!);
      return true;
    }
    const steps = this.timeline.steps!;
    const step = steps.find((each) => each.undo && each.name === script.name);
    if (!step) {
      steps.push({
        name: script.name,
        title: script.undo!,
        undo: true,
        state: "running",
        queue: script.host ? `host.${script.host}` : "control",
        host_name: script.host,
        worker: `4000@${script.host ?? "control"}`,
        calls: 1,
        attempts: 1,
        scheduled_at: this.database.now(),
        started_at: this.database.now(),
      });
      return true;
    }
    if (now - Date.parse(step.started_at!) < undoLasts / speed) return false;
    Object.assign(step, { state: "done", ended_at: this.database.now() });
    this.undoing.shift();
    return true;
  }

  private end(state: Noun.OperationState): void {
    for (const step of this.timeline.steps!) if (step.state === "planned") step.state = "skipped";
    const { subject } = this.database.operations.get(this.id)!;
    this.script.ending?.(state);
    if (subject.kind === "vm" && this.database.vms.get(subject.id)?.operation_id === this.id) {
      this.database.setVM(subject.id, { operation_id: undefined, operation_kind: undefined }, "vm.released", this.id);
    }
    if (subject.kind === "host") {
      this.database.hosts = this.database.hosts.map((host) => (host.id === subject.id ? { ...host, operation_id: undefined } : host));
    }
    this.setState(state, { ended_at: this.database.now(), result: state === "succeeded" ? this.script.result?.() : undefined });
  }
}
