import { useQuery } from "@tanstack/react-query";
import { enrolmentToken } from "@/api/actions";
import { Command } from "@/ui/Copy";
import { Buttons, Dialog } from "@/ui/Dialog";
import { Button } from "@/ui/Button";
import { Failure } from "@/ui/Notice";
import { When } from "@/ui/When";

// AddHost gives the command that makes a machine a host. The token in it works once.
export function AddHost({ close }: { close: () => void }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["enrolment-token"],
    queryFn: enrolmentToken,
    gcTime: 0,
    staleTime: Infinity,
    retry: false,
  });
  const command = data && `NOVACRON_SERVER=${window.location.origin} NOVACRON_ENROL_TOKEN=${data.token} novacron-worker`;
  return (
    <Dialog title="Add a host" close={close}>
      <div className="space-y-3 text-sm">
        <p>On a machine with libvirt and QEMU, run this as root. The host appears in the list by itself, within seconds.</p>
        <Failure error={error} retry={() => void refetch()} />
        {command && <Command text={command} />}
        {data && (
          <p className="text-muted">
            The token works once and expires <When at={data.expires_at} />. Later starts need neither variable: the worker keeps what it was given.
          </p>
        )}
      </div>
      <Buttons>
        <Button onClick={close}>Close</Button>
      </Buttons>
    </Dialog>
  );
}
