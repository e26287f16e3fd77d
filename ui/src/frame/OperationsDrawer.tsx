import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { openOperations } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { Failure } from "@/ui/Notice";
import { OperationLine } from "@/pages/OperationLine";

// OperationsDrawer lists what is being done now.
export function OperationsDrawer({ close }: { close: () => void }) {
  const { data, error } = useQuery(openOperations());
  return (
    <Dialog title="Open operations" close={close} side>
      <Failure error={error} />
      {data?.length === 0 && <p className="py-8 text-center text-sm text-muted">Nothing is being done at the moment.</p>}
      <ul className="divide-y divide-line">
        {data?.map((operation) => (
          <li key={operation.id} className="py-2">
            <OperationLine operation={operation} follow={close} />
          </li>
        ))}
      </ul>
      <p className="mt-4 text-sm">
        <Link to="/operations" onClick={close} className="text-accent underline">
          All operations
        </Link>
      </p>
    </Dialog>
  );
}
