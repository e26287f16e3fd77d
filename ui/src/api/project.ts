import { useSyncExternalStore } from "react";

// The project that requests are about; "" is the server's default. Kept per browser.
const key = "novacron.project";
const listeners = new Set<() => void>();

export function selectedProject(): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

export function selectProject(project: string): void {
  localStorage.setItem(key, project);
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSelectedProject(): string {
  return useSyncExternalStore(subscribe, selectedProject);
}
