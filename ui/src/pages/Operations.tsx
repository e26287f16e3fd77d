import { useMemo } from "react";
import { Button } from "@/ui/Button";
import { Empty } from "@/ui/Empty";
import { Page as Frame } from "@/ui/Page";
import { operationKinds, operationLook, titleOf } from "@/ui/states";
import { FilterBar } from "@/table/FilterBar";
import { useFilters } from "@/table/filters";
import { OperationsTable } from "./OperationsTable";

const names = ["kind", "state", "open"] as const;
const kinds = operationKinds.map((value) => ({ value, label: titleOf(value) }));
const states = Object.entries(operationLook).map(([value, look]) => ({ value, label: look.word }));

export function Page() {
  const { values, set } = useFilters(names);
  const filter = useMemo(() => ({ kind: values.kind, state: values.state, open: values.open ? true : undefined }), [values]);
  const filtered = Object.keys(values).length > 0;
  return (
    <Frame
      title="Operations"
      full
      actions={
        <Button aria-pressed={Boolean(values.open)} onClick={() => set("open", values.open ? undefined : "true")}>
          {values.open ? "Show all" : "Only open ones"}
        </Button>
      }
    >
      <FilterBar
        values={values}
        set={set}
        choices={[
          { name: "kind", label: "Kind", options: kinds },
          { name: "state", label: "State", options: states },
        ]}
      />
      <OperationsTable
        filter={filter}
        empty={
          filtered ? (
            <Empty title="No operation matches">None is of this kind and state at the moment.</Empty>
          ) : (
            <Empty title="Nothing has been done yet" command="novacron operation list">
              Everything that takes time (making a VM, moving it, backing it up) is an operation. It can be watched here step by step while it runs, and read afterwards.
            </Empty>
          )
        }
      />
    </Frame>
  );
}
