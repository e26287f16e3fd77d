import { OperationsTable } from "@/pages/OperationsTable";
import { Empty } from "@/ui/Empty";
import { useVM } from "./VM";

export function Page() {
  const vm = useVM();
  return (
    <div className="p-4">
      <OperationsTable
        filter={{ subject: vm.id }}
        short
        empty={<Empty title="Nothing has been done to it yet">Every operation on this VM is kept here, step by step.</Empty>}
      />
    </div>
  );
}
