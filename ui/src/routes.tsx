import type { ComponentType } from "react";
import { createBrowserRouter, Navigate } from "react-router";
import { Shell } from "./frame/Shell";
import { Broken } from "./pages/Broken";

// page loads a page's code when it is first visited.
const page = (load: () => Promise<{ Page: ComponentType }>) => async () => ({ Component: (await load()).Page });

export const router = createBrowserRouter([
  { path: "/login", lazy: page(() => import("./pages/Login")), HydrateFallback: () => null },
  {
    path: "/",
    Component: Shell,
    ErrorBoundary: Broken,
    HydrateFallback: () => null,
    children: [
      {
        ErrorBoundary: Broken,
        children: [
          { index: true, lazy: page(() => import("./pages/Overview")) },
          { path: "vms", lazy: page(() => import("./pages/VMs")) },
          {
            path: "vms/:vm",
            lazy: page(() => import("./pages/vm/VM")),
            children: [
              { index: true, lazy: page(() => import("./pages/vm/VMOverview")) },
              { path: "console", lazy: page(() => import("./pages/vm/VMConsole")) },
              { path: "operations", lazy: page(() => import("./pages/vm/VMOperations")) },
              { path: "snapshots", lazy: page(() => import("./pages/vm/VMSnapshots")) },
              { path: "backups", lazy: page(() => import("./pages/vm/VMBackups")) },
            ],
          },
          { path: "operations", lazy: page(() => import("./pages/Operations")) },
          { path: "operations/:operation", lazy: page(() => import("./pages/Operation")) },
          { path: "hosts", lazy: page(() => import("./pages/Hosts")) },
          { path: "hosts/:host", lazy: page(() => import("./pages/Host")) },
          { path: "storage", lazy: page(() => import("./pages/Storage")) },
          { path: "storage/:pool", lazy: page(() => import("./pages/Pool")) },
          { path: "volumes", lazy: page(() => import("./pages/Volumes")) },
          { path: "images", lazy: page(() => import("./pages/Images")) },
          { path: "templates", lazy: page(() => import("./pages/Templates")) },
          { path: "templates/:template", lazy: page(() => import("./pages/Template")) },
          { path: "networks", lazy: page(() => import("./pages/Networks")) },
          { path: "backups", lazy: page(() => import("./pages/Backups")) },
          { path: "backups/schedules", lazy: page(() => import("./pages/Schedules")) },
          { path: "capacity", lazy: page(() => import("./pages/Capacity")) },
          { path: "access", lazy: page(() => import("./pages/Access")) },
          { path: "overview", element: <Navigate to="/" replace /> },
          { path: "*", lazy: page(() => import("./pages/NotFound")) },
        ],
      },
    ],
  },
]);
