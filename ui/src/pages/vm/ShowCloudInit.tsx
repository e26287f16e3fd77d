import { useQuery } from "@tanstack/react-query";
import { get } from "@/api/client";
import type { CloudInit, VM } from "@/api/nouns";
import { Dialog } from "@/ui/Dialog";
import { Failure } from "@/ui/Notice";

// ShowCloudInit shows what the guest is told. It may hold secrets, so it is read when somebody asks and kept nowhere.
export function ShowCloudInit({ vm, close }: { vm: VM; close: () => void }) {
  const { data, error } = useQuery({
    queryKey: ["cloud-init", vm.id],
    queryFn: ({ signal }) => get<CloudInit>(`/vms/${vm.id}/cloud-init`, undefined, signal),
    gcTime: 0,
    retry: false,
  });
  const parts: [title: string, text: string | undefined][] = [
    ["SSH keys", data?.ssh_keys?.join("\n")],
    ["User data", data?.user_data],
    ["Network configuration", data?.network_config],
  ];
  return (
    <Dialog title={`What ${vm.name} is told at its first start`} close={close}>
      <div className="space-y-3">
        <p className="text-sm text-muted">With its own ID and the host name {vm.name}.</p>
        {parts.map(
          ([title, text]) =>
            text && (
              <section key={title} aria-label={title}>
                <h3 className="mb-1 text-sm font-medium">{title}</h3>
                <pre tabIndex={0} className="max-h-60 overflow-auto rounded border border-line bg-sunken p-2 font-mono text-xs">
                  {text}
                </pre>
              </section>
            ),
        )}
        <Failure error={error} />
      </div>
    </Dialog>
  );
}
