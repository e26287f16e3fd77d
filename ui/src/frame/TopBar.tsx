import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Activity, LoaderCircle, Menu as MenuIcon, Search, User } from "lucide-react";
import { useNavigate } from "react-router";
import { selectProject, useSelectedProject } from "@/api/project";
import { openOperations, projects } from "@/api/queries";
import { logout, whoami } from "@/api/session";
import { Button } from "@/ui/Button";
import { plural } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { useSay } from "@/ui/Toasts";
import { chooseTheme, useTheme } from "./theme";
import type { Theme } from "./theme";

interface Props {
  openRail: () => void;
  openPalette: () => void;
  openOperations: () => void;
  openShortcuts: () => void;
}

export function TopBar(props: Props) {
  return (
    <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line px-3">
      <span className="md:hidden">
        <Button kind="ghost" square aria-label="Open the menu" onClick={props.openRail}>
          <MenuIcon className="size-4" />
        </Button>
      </span>
      <ProjectSwitch />
      <button
        type="button"
        onClick={props.openPalette}
        className="ml-auto flex h-7 shrink-0 items-center gap-2 rounded border border-line-strong px-2 text-sm text-muted hover:bg-hover sm:w-64 md:mr-auto"
      >
        <Search className="size-3.5 shrink-0" aria-hidden />
        <span className="truncate max-sm:sr-only">Search or do anything</span>
        <kbd className="ml-auto font-sans text-xs whitespace-nowrap max-sm:hidden">Ctrl K</kbd>
      </button>
      <OpenOperations open={props.openOperations} />
      <UserMenu openShortcuts={props.openShortcuts} />
    </header>
  );
}

const everyProject = "*"; // lists show all projects; new things go to the default one

function ProjectSwitch() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const chosen = useSelectedProject();
  const { data = [] } = useQuery(projects());
  const who = useQuery(whoami()).data;
  const current = data.find((project) => project.id === chosen) ?? who?.project ?? data[0];
  if (!current) return null;
  if (data.length < 2) return <span className="truncate text-sm font-medium max-sm:hidden">{current.name}</span>;
  return (
    <label className="flex min-w-0 items-center gap-2 text-sm">
      <span className="sr-only">Project</span>
      <select
        value={chosen === everyProject ? chosen : current.id}
        onChange={(event) => {
          selectProject(event.target.value);
          client.removeQueries({ predicate: (query) => query.queryKey[0] !== "project" });
          void navigate("/");
        }}
        className="h-7 max-w-40 min-w-0 rounded border border-line-strong bg-canvas px-1.5 text-sm"
      >
        {data.map((project) => (
          <option key={project.id} value={project.id}>
            {project.name}
          </option>
        ))}
        {who?.admin && <option value={everyProject}>All projects</option>}
      </select>
    </label>
  );
}

function OpenOperations({ open }: { open: () => void }) {
  const { data = [] } = useQuery(openOperations());
  const waiting = data.filter((operation) => operation.state === "waiting").length;
  const hint = `${plural(data.length, "open operation")}${waiting ? `, ${waiting} waiting for you` : ""}`;
  return (
    <Button kind={waiting ? "plain" : "ghost"} hint={hint} onClick={open}>
      {data.length > 0 ? (
        <LoaderCircle className="size-3.5 turning text-working" aria-hidden />
      ) : (
        <Activity className="size-3.5 text-muted" aria-hidden />
      )}
      <span>
        <span data-testid="open-operations">{data.length}</span>
        <span className="max-sm:sr-only"> open</span>
        <span className="sr-only"> operations</span>
        {waiting > 0 && <span className="text-attention max-sm:sr-only"> · {waiting} waiting</span>}
      </span>
    </Button>
  );
}

const themes: [Theme, string][] = [
  ["system", "Theme: as the system"],
  ["light", "Theme: light"],
  ["dark", "Theme: dark"],
];

function UserMenu({ openShortcuts }: { openShortcuts: () => void }) {
  const say = useSay();
  const navigate = useNavigate();
  const client = useQueryClient();
  const theme = useTheme();
  const name = useQuery(whoami()).data?.user_name;
  const leave = () =>
    logout().then(() => {
      client.clear();
      void navigate("/login");
    }, say.failed);
  return (
    <Menu
      label={name ? `Signed in as ${name}` : "User"}
      icon={<User className="size-4" />}
      items={[
        ...themes.map(([value, label]) => ({ label, checked: theme === value, act: () => chooseTheme(value) })),
        "line",
        { label: "Keyboard shortcuts", act: openShortcuts },
        "line",
        { label: name ? `Sign out ${name}` : "Sign out", act: () => void leave() },
      ]}
    />
  );
}
