import { useState } from "react";
import { can } from "@/api/can";
import { useTransitions } from "@/forms/transitions";
import { ScheduleDialog } from "@/forms/ScheduleDialog";
import { useVMActions } from "@/forms/VMActions";
import { BackupsTable } from "@/pages/BackupsTable";
import { SchedulesTable } from "@/pages/SchedulesTable";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { Section } from "@/ui/Page";
import { useVM } from "./VM";

export function Page() {
  const vm = useVM();
  const act = useVMActions();
  const verdict = can(useTransitions(), vm, "backup");
  const [scheduling, setScheduling] = useState(false);
  return (
    <div className="space-y-6 p-4">
      <Section
        title="Backups"
        actions={
          <Button why={verdict.allowed ? undefined : verdict.reason} onClick={() => act(vm, "backup")}>
            Back up now
          </Button>
        }
      >
        <BackupsTable
          vm={vm.id}
          short
          empty={
            <Empty title="It has no backup yet" command={`novacron backup create ${vm.name}`}>
              The first one reads the whole disk; those after it only what changed.
            </Empty>
          }
        />
      </Section>
      <Section title="Schedules" actions={<Button onClick={() => setScheduling(true)}>Schedule backups</Button>}>
        <SchedulesTable vm={vm.id} short empty={<Empty title="It is not backed up by itself">A schedule takes backups again and again, and removes old ones.</Empty>} />
      </Section>
      {scheduling && <ScheduleDialog vm={vm} close={() => setScheduling(false)} />}
    </div>
  );
}
