import type { ReactNode } from "react";
import { Command } from "./Copy";

interface Props {
  title: string;
  children: ReactNode; // what this is for
  action?: ReactNode; // how to make the first one
  command?: string; // the same by the CLI
}

// Empty stands where a list has nothing yet.
export function Empty({ title, children, action, command }: Props) {
  return (
    <div className="mx-auto flex max-w-lg flex-col items-center gap-3 px-4 py-12 text-center">
      <h2 className="text-base font-semibold">{title}</h2>
      <p className="text-sm text-muted">{children}</p>
      {action}
      {command && (
        <div className="w-full text-left">
          <Command text={command} />
        </div>
      )}
    </div>
  );
}
