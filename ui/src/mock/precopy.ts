import type * as Noun from "@/api/nouns";
import type { Moment } from "./run";

const MiB = 2 ** 20;

export interface Guest {
  memory: number; // bytes
  dirtyRate: number; // bytes a second
  bandwidth: number; // bytes a second
}

// Precopy plays the rounds of a live migration: each sends what was dirtied while the one before was sent.
export class Precopy {
  private round = 0;
  private remaining: number;
  private sent = 0;
  private roundEnds = 0; // ms since the step began
  private pause = 50;
  private throttle = 0;
  private postCopy = false;
  private began = 0;

  constructor(
    private readonly guest: Guest,
    private readonly limits: Noun.Limits,
    private readonly tuned: Noun.Tuning,
    private readonly random: () => number,
  ) {
    this.remaining = guest.memory;
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
    this.began ||= now;
    if (this.tuned.post_copy && !this.postCopy) {
      this.postCopy = true;
      this.decide(migration, now, "post_copy", "An operator switched to post-copy.", "admin");
      this.roundEnds = elapsed;
    }
    if (elapsed < this.roundEnds) return false;
    if (this.round > 0) {
      const length = this.roundLength;
      this.sent += this.remaining;
      const dirtied = this.dirtyRate * (length / 1_000) * (0.85 + this.random() * 0.3);
      this.remaining = this.postCopy ? 0 : Math.min(this.guest.memory, dirtied);
    }
    this.round++;
    step.calls = this.round;
    step.attempts = this.round;
    const expected = (this.remaining / this.bandwidth) * 1_000;
    migration.rounds!.push(this.describe(now, elapsed, expected));
    migration.expected_downtime_ms = Math.round(expected);
    if (this.remaining === 0 || (this.round > 1 && expected <= this.pause)) return true;
    this.adjust(migration, now, expected);
    this.roundEnds = elapsed + this.roundLength;
    return false;
  };

  outcome(timeline: Noun.Timeline, elapsed: number): Noun.Outcome {
    const last = timeline.migration!.rounds!.at(-1)!;
    return {
      total_ms: Math.round(elapsed),
      downtime_ms: Math.max(9, Math.round(last.expected_downtime_ms * (0.8 + this.random() * 0.5))),
      setup_ms: 12,
      iterations: this.round,
      transferred_bytes: this.sent + this.remaining,
      post_copy: this.postCopy,
    };
  }

  private get dirtyRate(): number {
    return this.guest.dirtyRate * (1 - this.throttle / 100);
  }

  private get roundLength(): number {
    return Math.max(150, (this.remaining / this.bandwidth) * 1_000);
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

  private describe(now: number, elapsed: number, expected: number): Noun.Round {
    return {
      iteration: this.round,
      at: new Date(now).toISOString(),
      elapsed_ms: Math.round(elapsed),
      total_bytes: this.guest.memory,
      remaining_bytes: Math.round(this.remaining),
      transferred_bytes: Math.round(this.sent),
      dirty_rate_bytes_per_second: this.round === 1 ? 0 : Math.round(this.dirtyRate * (0.9 + this.random() * 0.2)),
      bandwidth_bytes_per_second: Math.round(this.bandwidth * (0.96 + this.random() * 0.08)),
      throttle_percent: this.throttle,
      expected_downtime_ms: Math.round(expected),
      post_copy: this.postCopy || undefined,
    };
  }
}

export const guestOf = (vm: Noun.VM, dirtyMiB = 60): Guest => ({
  memory: vm.spec.memory_bytes,
  dirtyRate: dirtyMiB * MiB,
  bandwidth: 120 * MiB,
});
