import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { tune } from "@/api/actions";
import type { Operation, Tuning } from "@/api/nouns";
import { Confirm } from "@/forms/Confirm";
import { Button } from "@/ui/Button";
import { TextField } from "@/ui/Field";
import { Failure } from "@/ui/Notice";
import { useSay } from "@/ui/Toasts";

interface Props {
  operation: Operation;
  why?: string; // why it cannot be steered any more
  postCopy: boolean; // it has switched already
}

// Steering is the operator's hand on a migration that runs.
export function Steering({ operation, why, postCopy }: Props) {
  const say = useSay();
  const [bandwidth, setBandwidth] = useState("");
  const [downtime, setDowntime] = useState("");
  const [asked, setAsked] = useState<"post_copy" | "abort">();
  const send = useMutation({
    mutationFn: (tuning: Tuning) => tune(operation.id, tuning),
    onSuccess: () => {
      setBandwidth("");
      setDowntime("");
      say("The migration has been told.");
    },
  });
  const tuning: Tuning = {
    bandwidth_bytes_per_second: bandwidth ? Math.round(Number(bandwidth) * 2 ** 20) : undefined,
    max_downtime_ms: downtime ? Math.round(Number(downtime)) : undefined,
  };
  const nothing = !bandwidth && !downtime ? "Enter a bandwidth or a pause first." : undefined;
  return (
    <section aria-label="Steer the migration" className="space-y-2 border-b border-line p-3">
      <h2 className="text-sm font-semibold">Steer it</h2>
      <form
        className="space-y-2"
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate(tuning);
        }}
      >
        <div className="grid grid-cols-2 gap-2">
          <TextField label="Bandwidth, MiB/s" type="number" min={1} placeholder="as it is" value={bandwidth} onChange={(event) => setBandwidth(event.target.value)} />
          <TextField label="Longest pause, ms" type="number" min={1} placeholder="as it is" value={downtime} onChange={(event) => setDowntime(event.target.value)} />
        </div>
        <div className="flex flex-wrap gap-2">
          <Button type="submit" why={why ?? nothing} disabled={send.isPending}>
            Apply
          </Button>
          <Button why={why ?? (postCopy ? "It has switched already." : undefined)} onClick={() => setAsked("post_copy")}>
            Post-copy now
          </Button>
          <Button why={why ?? (postCopy ? "After the switch to post-copy the VM can only go forward." : undefined)} onClick={() => setAsked("abort")}>
            Abort
          </Button>
        </div>
        <Failure error={send.error} />
      </form>
      {asked === "post_copy" && (
        <Confirm
          title="Switch to post-copy now"
          label="Switch"
          danger
          act={() => tune(operation.id, { post_copy: true })}
          close={() => setAsked(undefined)}
        >
          {operation.subject.name} will run on the new host at once and fetch the rest of its memory over the network. If either host or the
          network fails before that is done, the VM is lost as if its power had been cut. It cannot be cancelled after the switch.
        </Confirm>
      )}
      {asked === "abort" && (
        <Confirm title="Abort the migration" label="Abort" danger act={() => tune(operation.id, { abort: true })} close={() => setAsked(undefined)}>
          {operation.subject.name} stays where it is and keeps running. What was prepared on the new host is taken back.
        </Confirm>
      )}
    </section>
  );
}
