import { Command } from "@/ui/Copy";
import type { Ask } from "@/api/actions";
import { curl } from "./commands";

// CopyAs shows the form's request for a terminal.
export function CopyAs({ ask, command }: { ask: Ask; command?: string }) {
  return (
    <details className="text-sm">
      <summary className="cursor-pointer text-muted select-none hover:text-ink">Copy as CLI or curl</summary>
      <div className="mt-2 space-y-2">
        {command && <Command text={command} label="Copy for the CLI" />}
        <Command text={curl(ask, window.location.origin)} label="Copy for curl" />
      </div>
    </details>
  );
}
