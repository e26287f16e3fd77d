import type * as Noun from "@/api/nouns";
import type { Moment } from "./run";

const MiB = 2 ** 20;

export interface Guest {
  memory: number; // bytes
  dirtyRate: number; // bytes a second
  bandwidth: number; // bytes a second
}

// Precopy plays the rounds of a live migration: each sends what was dirtied while the one before was sent. As in the real
// one, a round's reading is its newest while it lasts, and afterwards what it left to do.
export class Precopy {
  private round = 0;
  private left: number; // what the round has to send, bytes
  private sent = 0;
  private roundBegan = 0; // ms since the step began
  private roundEnds = 0;
  private noise = 1;
  private pause = 50;
  private throttle = 0;
  private postCopy = false;

  constructor(
    private readonly guest: Guest,
    private readonly limits: Noun.Limits,
    private readonly tuned: Noun.Tuning,
    private readonly random: () => number,
  ) {
    this.left = guest.memory;
  }

  private get bandwidth(): number {
    return this.tuned.bandwidth_bytes_per_second || this.limits.bandwidth_bytes_per_second || this.guest.bandwidth;
  }

  private get longest(): number {
    return this.tuned.max_downtime_ms || this.limits.max_downtime_ms || 500;
  }

  // work is the step's: true once what remains can be sent within the pause that is allowed.
  work = ({ now, elapsed, step, timeline }: Moment): boolean => {
    const migration = (timeline.migration ??= { rounds: [], decisions: [] });
    if (this.tuned.post_copy && !this.postCopy) {
      this.postCopy = true;
      this.decide(migration, now, "post_copy", "An operator switched to post-copy.", "admin");
      this.roundEnds = elapsed;
    }
    if (elapsed < this.roundEnds) {
      const done = (elapsed - this.roundBegan) / (this.roundEnds - this.roundBegan);
      migration.rounds!.splice(-1, 1, this.describe(now, elapsed, this.left * (1 - done), this.sent + this.left * done));
      return false;
    }
    if (this.round > 0) {
      const dirtied = this.dirtyRate * ((elapsed - this.roundBegan) / 1_000) * (0.85 + this.random() * 0.3);
      this.sent += this.left;
      this.left = this.postCopy ? 0 : Math.min(this.guest.memory, dirtied);
      migration.rounds!.splice(-1, 1, this.describe(now, elapsed, this.left, this.sent));
    }
    this.round++;
    this.noise = 0.95 + this.random() * 0.1;
    step.calls = this.round;
    step.attempts = this.round;
    migration.rounds!.push(this.describe(now, elapsed, this.left, this.sent));
    migration.expected_downtime_ms = Math.round(this.expected);
    if (this.left === 0 || (this.round > 1 && this.expected <= this.pause)) return true;
    this.adjust(migration, now, this.expected);
    this.roundBegan = elapsed;
    this.roundEnds = elapsed + Math.max(150, this.expected);
    return false;
  };

  outcome(timeline: Noun.Timeline, elapsed: number): Noun.Outcome {
    const last = timeline.migration!.rounds!.at(-1)!;
    return {
      total_ms: Math.round(elapsed),
      downtime_ms: Math.max(9, Math.round(last.expected_downtime_ms * (0.8 + this.random() * 0.5))),
      setup_ms: 12,
      iterations: this.round,
      transferred_bytes: this.sent + this.left,
      post_copy: this.postCopy,
    };
  }

  private get dirtyRate(): number {
    return this.guest.dirtyRate * (1 - this.throttle / 100);
  }

  // expected is how long it would take to send what is left, ms.
  private get expected(): number {
    return (this.left / this.bandwidth) * 1_000;
  }

  private adjust(migration: Noun.Migration, now: number, expected: number): void {
    if (this.round < 4 || this.postCopy) return;
    if (this.pause < this.longest) {
      this.pause = Math.min(this.longest, this.pause * 3);
      this.decide(migration, now, "raise_downtime", `What is left would take ${Math.round(expected)} ms; a pause of ${this.pause} ms is tried.`, "rules", this.pause);
    } else if (this.limits.allow_throttle && this.throttle < 80) {
      this.throttle += 20;
      this.decide(migration, now, "throttle", `The guest dirties memory as fast as it is sent; it is slowed by ${this.throttle}%.`, "rules");
    } else if (this.limits.allow_post_copy) {
      this.postCopy = true;
      this.decide(migration, now, "post_copy", "The rounds no longer shrink; the VM is switched over and the rest fetched on demand.", "rules");
    }
  }

  private decide(migration: Noun.Migration, now: number, action: Noun.DecisionAction, reason: string, by: string, downtime?: number): void {
    migration.decisions!.push({ action, reason, by, downtime_ms: downtime, at: new Date(now).toISOString(), iteration: this.round });
  }

  private describe(now: number, elapsed: number, remaining: number, sent: number): Noun.Round {
    return {
      iteration: this.round,
      at: new Date(now).toISOString(),
      elapsed_ms: Math.round(elapsed),
      total_bytes: this.guest.memory,
      remaining_bytes: Math.round(remaining),
      transferred_bytes: Math.round(sent),
      dirty_rate_bytes_per_second: this.round === 1 ? 0 : Math.round(this.dirtyRate * this.noise),
      bandwidth_bytes_per_second: Math.round(this.bandwidth * this.noise),
      throttle_percent: this.throttle,
      expected_downtime_ms: Math.round(this.expected),
      post_copy: this.postCopy || undefined,
    };
  }
}

export const guestOf = (vm: Noun.VM, dirtyMiB = 60): Guest => ({
  memory: vm.spec.memory_bytes,
  dirtyRate: dirtyMiB * MiB,
  bandwidth: 120 * MiB,
});
