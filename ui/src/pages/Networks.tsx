import { useQuery } from "@tanstack/react-query";
import type { Network } from "@/api/nouns";
import { networks } from "@/api/queries";
import { Table } from "@/table/Table";
import type { Column } from "@/table/Table";
import { ID } from "@/ui/Copy";
import { Empty } from "@/ui/Empty";
import { Failure } from "@/ui/Notice";
import { Loading, Page as Frame } from "@/ui/Page";
import { When } from "@/ui/When";

const columns: Column<Network>[] = [
  { id: "name", title: "Name", width: 120, grow: 2, priority: 0, sort: (network) => network.name, cell: (network) => <span className="font-medium">{network.name}</span> },
  { id: "range", title: "Addresses", width: 130, grow: 1, priority: 0, cell: (network) => network.range },
  { id: "vni", title: "VNI", width: 80, right: true, priority: 2, sort: (network) => network.vni, cell: (network) => network.vni },
  { id: "mtu", title: "MTU", width: 80, right: true, priority: 3, sort: (network) => network.mtu, cell: (network) => network.mtu },
  { id: "who", title: "For", width: 120, priority: 4, cell: (network) => (network.project_id ? "this project" : "every project") },
  { id: "id", title: "ID", width: 130, priority: 5, cell: (network) => <ID id={network.id} /> },
  { id: "created", title: "Created", width: 100, right: true, priority: 6, cell: (network) => <When at={network.created_at} /> },
];

export function Page() {
  const { data, error, refetch } = useQuery(networks());
  return (
    <Frame title="Networks" full>
      {error ? (
        <div className="px-4 pb-2">
          <Failure error={error} retry={() => void refetch()} />
        </div>
      ) : null}
      {data ? (
        <Table
          name="Networks"
          rows={data}
          columns={columns}
          id={(network) => network.id}
          empty={<Empty title="There are no networks">A network spans all hosts, so that a VM keeps its address and its connections when it moves.</Empty>}
        />
      ) : (
        !error && <Loading what="networks" />
      )}
    </Frame>
  );
}
