import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark" | "system";

const key = "novacron.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function chosen(): Theme {
  const value = localStorage.getItem(key);
  return value === "light" || value === "dark" ? value : "system";
}

function apply(): void {
  const theme = chosen();
  const dark = theme === "dark" || (theme === "system" && system.matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  listeners.forEach((listener) => listener());
}

system.addEventListener("change", apply);

export function chooseTheme(theme: Theme): void {
  localStorage.setItem(key, theme);
  apply();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useTheme = (): Theme => useSyncExternalStore(subscribe, chosen);

// useDark is whether the page is dark now, for charts, which draw their own colours.
export const useDark = (): boolean =>
  useSyncExternalStore(subscribe, () => document.documentElement.dataset.theme === "dark");
