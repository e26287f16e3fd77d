import { useQuery } from "@tanstack/react-query";
import { pools } from "@/api/queries";
import { SelectField } from "@/ui/Field";
import { poolLook } from "@/ui/states";

// PoolChoice chooses a pool to move to: any but the one that it is in.
export function PoolChoice({ from, value, choose, error }: { from: string; value: string; choose: (pool: string) => void; error?: string }) {
  const others = (useQuery(pools()).data ?? []).filter((each) => each.name !== from);
  return (
    <SelectField label="To pool" value={value} onChange={(event) => choose(event.target.value)} error={error}>
      <option value="">Choose a pool</option>
      {others.map((each) => (
        <option key={each.id} value={each.name}>
          {each.name} · {each.driver}, {each.tier} · {poolLook(each).word.toLowerCase()}
        </option>
      ))}
    </SelectField>
  );
}
