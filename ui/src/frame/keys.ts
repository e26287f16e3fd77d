import { useEffect, useRef } from "react";

// typing is true where letters are text and not shortcuts.
export function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || Boolean(target.closest("input, textarea, select, [data-keys]")));
}

const chordWithin = 1_000; // ms between "g" and the letter that follows

// useShortcuts listens for keys: "?" or "c" alone, "g v" in sequence, "ctrl+k" held. Nothing fires while a dialog is
// open, save what is held with Ctrl.
export function useShortcuts(shortcuts: Record<string, () => void>): void {
  const current = useRef(shortcuts);
  useEffect(() => {
    current.current = shortcuts;
  });
  useEffect(() => {
    let first = "";
    let at = 0;
    const press = (event: KeyboardEvent) => {
      const held = event.ctrlKey || event.metaKey;
      if (event.altKey) return;
      if (!held && (typing(event.target) || document.querySelector("dialog[open]"))) return;
      const chord = first && event.timeStamp - at < chordWithin ? `${first} ${event.key}` : "";
      const name = held ? `ctrl+${event.key.toLowerCase()}` : event.key;
      const act = current.current[chord] ?? current.current[name];
      first = event.key === "g" && !held ? "g" : "";
      at = event.timeStamp;
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}
