// Checks, when the interface is compiled, that its nouns are those of schemas/openapi.yaml: the same fields, and what the
// API answers fits them. `npm run generate` makes openapi.gen.ts from that document.
import type { CapacityPlan, Report, Resource } from "./capacity";
import type { AddPool, AdoptVolume, AttachVolume, CloneVM, CreateSchedule, CreateVM, CreateVolume, DetachVolume, DiscardVolume, ImportImage, LimitDisk, MoveDisk, PublishTemplate, PublishVM, RestoreBackup, SetPool, TakeSnapshot } from "./actions";
import type { HostPoint, VMPoint } from "./metrics";
import type * as Noun from "./nouns";
import type { components } from "./openapi.gen";
import type { Overview } from "./overview";
import type { Whoami } from "./session";
import type { NewToken, Token } from "./tokens";

type Schemas = components["schemas"];

// Widened forgets which strings are meant (the document has plain strings for most) and allows what may be null.
type Widened<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends (infer Item)[]
      ? Widened<Item>[] | null
      : T extends object
        ? { [Key in keyof T]: Widened<T[Key]> }
        : T;

type SameKeys<A, B> = [keyof A] extends [keyof B] ? ([keyof B] extends [keyof A] ? true : Exclude<keyof B, keyof A>) : Exclude<keyof A, keyof B>;

// Answers holds if every answer of the schema is one of ours, with no field more or less.
type Answers<Ours, Theirs> = SameKeys<Ours, Theirs> extends true ? (Theirs extends Widened<Ours> ? true : ["does not fit", Theirs, Widened<Ours>]) : ["fields", SameKeys<Ours, Theirs>];

// Accepts holds if every request of ours is one that the schema takes.
type Accepts<Ours, Theirs> = [Exclude<keyof Ours, keyof Theirs>] extends [never] ? (Widened<Ours> extends Widened<Theirs> ? true : ["does not fit"]) : ["unknown fields", Exclude<keyof Ours, keyof Theirs>];

type Holds<T extends true> = T;

export type Contract = [
  Holds<Answers<Noun.VM, Schemas["VM"]>>,
  Holds<Answers<Noun.CloudInit, Schemas["CloudInit"]>>,
  Holds<Answers<Noun.Transition, Schemas["VMTransition"]>>,
  Holds<Answers<Noun.Host, Schemas["Host"]>>,
  Holds<Answers<Noun.HostFacts, Schemas["HostFacts"]>>,
  Holds<Answers<Noun.PoolFact, Schemas["HostPoolFact"]>>,
  Holds<Answers<Noun.ObjectStore, Schemas["ObjectstoreStanding"]>>,
  Holds<Answers<Noun.Operation, Schemas["Operation"]>>,
  Holds<Answers<Noun.Leak, Schemas["OperationLeak"]>>,
  Holds<Answers<Noun.Plan, Schemas["OperationPlan"]>>,
  Holds<Answers<Noun.PlannedStep, Schemas["OperationPlannedStep"]>>,
  Holds<Answers<Noun.Timeline, Schemas["OperationTimeline"]>>,
  Holds<Answers<Noun.Step, Schemas["OperationStep"]>>,
  Holds<Answers<Noun.Migration, Schemas["OperationMigration"]>>,
  Holds<Answers<Noun.Round, Schemas["PrecopyRound"]>>,
  Holds<Answers<Noun.Applied, Schemas["PrecopyApplied"]>>,
  Holds<Answers<Noun.Outcome, Schemas["PrecopyOutcome"]>>,
  Holds<Answers<Noun.Image, Schemas["Image"]>>,
  Holds<Answers<Noun.Template, Schemas["Template"]>>,
  Holds<Answers<Noun.TemplateVersion, Schemas["TemplateVersion"]>>,
  Holds<Accepts<PublishTemplate, Schemas["PublishTemplateBody"]>>,
  Holds<Accepts<PublishVM, Schemas["PublishVMBody"]>>,
  Holds<Answers<Noun.Pool, Schemas["Pool"]>>,
  Holds<Answers<Noun.Volume, Schemas["Volume"]>>,
  Holds<Accepts<CreateVolume, Schemas["CreateVolumeBody"]>>,
  Holds<Accepts<AttachVolume, Schemas["AttachBody"]>>,
  Holds<Accepts<DetachVolume, Schemas["DetachBody"]>>,
  Holds<Accepts<MoveDisk, Schemas["MoveDiskBody"]>>,
  Holds<Accepts<LimitDisk, Schemas["VolumeLimits"]>>,
  Holds<Accepts<AdoptVolume, Schemas["AdoptBody"]>>,
  Holds<Accepts<DiscardVolume, Schemas["StrayBody"]>>,
  Holds<Answers<Noun.PoolReach, Schemas["PoolReach"]>>,
  Holds<Answers<Noun.Network, Schemas["Network"]>>,
  Holds<Answers<Noun.Backup, Schemas["Backup"]>>,
  Holds<Answers<Noun.Schedule, Schemas["BackupSchedule"]>>,
  Holds<Answers<Noun.Snapshot, Schemas["Snapshot"]>>,
  Holds<Accepts<TakeSnapshot, Schemas["SnapshotBody"]>>,
  Holds<Answers<Noun.Project, Schemas["Project"]>>,
  Holds<Answers<Noun.Event, Schemas["Event"]>>,
  Holds<Answers<VMPoint, Schemas["VMPoint"]>>,
  Holds<Answers<HostPoint, Schemas["HostPoint"]>>,
  Holds<Answers<Overview, Schemas["Overview"]>>,
  Holds<Answers<Whoami, Schemas["Whoami"]>>,
  Holds<Answers<CapacityPlan, Schemas["CapacityPlan"]>>,
  Holds<Answers<Report, Schemas["AnalyticsReport"]>>,
  Holds<Answers<Resource, Schemas["AnalyticsResource"]>>,
  Holds<Answers<Token, Schemas["Token"]>>,
  Holds<Answers<NewToken, Schemas["NewToken"]>>,
  Holds<Answers<Noun.EnrolmentToken, Schemas["Secret"]>>,
  Holds<Accepts<CreateVM, Schemas["CreateVMBody"]>>,
  Holds<Accepts<ImportImage, Schemas["ImportImageBody"]>>,
  Holds<Accepts<CreateSchedule, Schemas["ScheduleBody"]>>,
  Holds<Accepts<CloneVM, Schemas["CloneBody"]>>,
  Holds<Accepts<RestoreBackup, Schemas["RestoreBody"]>>,
  Holds<Accepts<AddPool, Schemas["AddPoolBody"]>>,
  Holds<Accepts<SetPool, Schemas["SetPoolBody"]>>,
  Holds<Accepts<Noun.Limits, Schemas["PrecopyLimits"]>>,
  Holds<Accepts<Noun.Tuning, Schemas["OperationTuning"]>>,
];
