import { useQuery } from "@tanstack/react-query";
import type { ObjectStore } from "@/api/nouns";
import { objectStores } from "@/api/queries";
import { whoami } from "@/api/session";
import { Failure } from "@/ui/Notice";
import { Section } from "@/ui/Page";
import { State } from "@/ui/State";
import { storeLook } from "@/ui/states";

const held: Record<ObjectStore["holds"], string> = { images: "Images", backups: "Backups" };

// ObjectStores says where images and backups are kept. Only administrators may ask.
export function ObjectStores() {
  const admin = useQuery(whoami()).data?.admin ?? false;
  const { data, error, refetch } = useQuery({ ...objectStores(), enabled: admin, refetchInterval: 30_000 });
  if (!admin || (!data && !error)) return null;
  return (
    <div className="px-4 pb-3">
      <Section title="Where images and backups are kept">
        {error ? <Failure error={error} retry={() => void refetch()} /> : null}
        <ul className="space-y-1 text-sm">
          {data?.map((store) => (
            <li key={store.holds} className="flex flex-wrap items-baseline gap-x-3">
              <span className="w-16 font-medium">{held[store.holds]}</span>
              <State look={storeLook(store)} />
              <span className="min-w-0 text-muted [overflow-wrap:anywhere]">{store.detail ? `${store.place}: ${store.detail}` : store.place}</span>
            </li>
          ))}
        </ul>
      </Section>
    </div>
  );
}
