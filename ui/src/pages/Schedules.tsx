import { Plus } from "lucide-react";
import { useState } from "react";
import { ScheduleDialog } from "@/forms/ScheduleDialog";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { Page as Frame, Tabs } from "@/ui/Page";
import { backupTabs, belowTabs } from "./Backups";
import { SchedulesTable } from "./SchedulesTable";

export function Page() {
  const [creating, setCreating] = useState(false);
  return (
    <Frame
      title="Schedules"
      full
      actions={
        <Button kind="primary" onClick={() => setCreating(true)}>
          <Plus className="size-4" aria-hidden /> Schedule backups
        </Button>
      }
    >
      <Tabs tabs={backupTabs} />
      <div className={belowTabs}>
        <SchedulesTable
          empty={
            <Empty
              title="There are no schedules yet"
              action={<Button kind="primary" onClick={() => setCreating(true)}>Schedule backups</Button>}
              command='novacron schedule create web-1 --cron "0 2 * * *"'
            >
              A schedule takes backups of a VM again and again, and removes old ones by number and by age.
            </Empty>
          }
        />
      </div>
      {creating && <ScheduleDialog close={() => setCreating(false)} />}
    </Frame>
  );
}
