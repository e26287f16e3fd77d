import { useQuery } from "@tanstack/react-query";
import { hosts, pools } from "@/api/queries";
import { Advanced, SelectField } from "@/ui/Field";

interface PlaceProps {
  host: string;
  setHost: (host: string) => void;
  pool: string;
  setPool: (pool: string) => void;
  errors: Record<string, string>;
}

// PlaceFields choose where a VM and its disks are made.
export function PlaceFields({ host, setHost, pool, setPool, errors }: PlaceProps) {
  const allHosts = useQuery(hosts()).data ?? [];
  const allPools = useQuery(pools()).data ?? [];
  return (
    <Advanced summary="Placement and storage">
      <SelectField label="Host" value={host} onChange={(event) => setHost(event.target.value)} error={errors.host}>
        <option value="">Best fit (the placement decides)</option>
        {allHosts.map((each) => (
          <option key={each.id} value={each.name} disabled={each.state !== "ready"}>
            {each.name}
            {each.state === "ready" ? "" : ` · ${each.state}`}
          </option>
        ))}
      </SelectField>
      <SelectField label="Pool" value={pool} onChange={(event) => setPool(event.target.value)} error={errors.pool}>
        <option value="">Shared where every host has it, else local</option>
        {allPools.map((each) => (
          <option key={each.name} value={each.name}>
            {each.name}
          </option>
        ))}
      </SelectField>
    </Advanced>
  );
}
