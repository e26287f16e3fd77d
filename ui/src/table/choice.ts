import { useCallback, useState } from "react";

// useColumnChoice remembers which columns of a table a person does not want to see.
export function useColumnChoice(table: string): { hidden: Set<string>; toggle: (column: string) => void } {
  const key = `novacron.columns.${table}`;
  const [hidden, setHidden] = useState<Set<string>>(() => {
    try {
      return new Set(JSON.parse(localStorage.getItem(key) ?? "[]") as string[]);
    } catch {
      return new Set();
    }
  });
  const toggle = useCallback(
    (column: string) =>
      setHidden((old) => {
        const next = new Set(old);
        if (!next.delete(column)) next.add(column);
        localStorage.setItem(key, JSON.stringify([...next]));
        return next;
      }),
    [key],
  );
  return { hidden, toggle };
}
