import { useState } from "react";
import { Facts as FactList } from "@/ui/Page";
import { rowsOf } from "./words";

// JSONFacts shows a value in words, or as it is.
export function JSONFacts({ title, value }: { title: string; value: unknown }) {
  const [raw, setRaw] = useState(false);
  const rows = rowsOf(value);
  if (rows.length === 0) return null;
  return (
    <div>
      <div className="mb-1 flex items-center justify-between">
        <h3 className="text-xs font-semibold text-muted">{title}</h3>
        <button type="button" onClick={() => setRaw(!raw)} className="text-xs text-accent hover:underline">
          {raw ? "in words" : "as JSON"}
        </button>
      </div>
      {raw ? (
        <pre tabIndex={0} className="max-h-72 overflow-auto rounded border border-line bg-sunken p-2 font-mono text-xs">
          {JSON.stringify(value, null, 2)}
        </pre>
      ) : (
        <FactList rows={rows} />
      )}
    </div>
  );
}
