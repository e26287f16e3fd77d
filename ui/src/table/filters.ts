import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";

// useFilters keeps a list's filters in the URL, so that a filtered list can be sent to someone and back works.
export function useFilters<K extends string>(names: readonly K[]) {
  const [search, setSearch] = useSearchParams();
  const text = search.toString();
  const values = useMemo(() => {
    const current = new URLSearchParams(text);
    const result: Partial<Record<K, string>> = {};
    for (const name of names) {
      const value = current.get(name);
      if (value) result[name] = value;
    }
    return result;
  }, [text, names]);
  const set = useCallback(
    (name: K, value: string | undefined, replace = false) =>
      setSearch(
        (old) => {
          const next = new URLSearchParams(old);
          if (value) next.set(name, value);
          else next.delete(name);
          return next;
        },
        { replace },
      ),
    [setSearch],
  );
  return { values, set };
}
