import { expect, it } from "vitest";
import { ask } from "@/api/actions";
import { cli, curl, quoted } from "./commands";

it("prints the CLI's command for a form", () => {
  const vm = { name: "web-1", image: "debian-12", cpus: 2, memory_bytes: 512 * 2 ** 20, disk_bytes: 3 * 2 ** 30, host: "h2" };
  expect(cli.createVM(vm)).toBe("novacron vm create web-1 --image debian-12 --cpus 2 --memory 512MiB --disk 3GiB --host h2");
  expect(cli.createVM({ ...vm, cloud_init: { user_data: "#!/bin/sh", ssh_keys: ["ssh-rsa A ada"] } })).toContain("--host h2 --user-data FILE --ssh-key 'ssh-rsa A ada'");
  expect(cli.migrate("web-1", "h3", false, { bandwidth_bytes_per_second: 50 * 2 ** 20, max_downtime_ms: 300 })).toBe(
    "novacron vm migrate web-1 --to h3 --bandwidth 50 --max-downtime 300",
  );
  expect(cli.takeSnapshot("web-1", { name: "before-upgrade", description: "as it ran in June" })).toBe(
    "novacron snapshot take web-1 before-upgrade --description 'as it ran in June'",
  );
  expect(cli.revertSnapshot("web-1", "before-upgrade", false)).toBe("novacron snapshot revert web-1 before-upgrade --no-start");
  expect(cli.importImage("https://example.org/d?a=1&b", "d", "")).toBe("novacron image import 'https://example.org/d?a=1&b' --name d");
  expect(cli.cloneVM("web-1", { name: "web-2", pool: "ceph", start: false })).toBe("novacron vm clone web-1 --as web-2 --pool ceph --no-start");
  expect(cli.power("stop", "web-1", true)).toBe("novacron vm stop web-1 --force");
});

it("prints the CLI's commands for volumes", () => {
  expect(cli.createVolume({ name: "data-1", size_bytes: 20 * 2 ** 30, pool: "ceph" })).toBe("novacron volume create data-1 --size 20GiB --pool ceph");
  expect(cli.attachVolume("web-1", { volume: "data-1", bus: "scsi" })).toBe("novacron volume attach data-1 --to web-1 --bus scsi");
  expect(cli.detachVolume("web-1/vdb", { name: "data-2", grace_seconds: 90 })).toBe("novacron volume detach web-1/vdb --name data-2 --grace 90s");
  expect(cli.purgeVolume("data-1")).toBe("novacron volume delete data-1 --purge");
});

it("prints the CLI's commands for limits and for strays", () => {
  expect(cli.limitDisk("web-1", "vda", { iops: 500, bytes_per_second: 50 * 2 ** 20 })).toBe("novacron vm limit-disk web-1 --iops 500 --bandwidth 50");
  expect(cli.limitDisk("web-1", "vdb", {})).toBe("novacron vm limit-disk web-1 --device vdb --none");
  expect(cli.adoptVolume("local", "vol_1", { name: "", host: "h2" })).toBe("novacron pool adopt local vol_1 --name NAME --host h2");
  expect(cli.discardVolume("shared", "vol_1", {})).toBe("novacron pool discard shared vol_1");
});

it("prints curl with the same request, and the token left to the environment", () => {
  const text = curl(ask.backup("web-1", "full"), "http://127.0.0.1:8080");
  expect(text).toContain("curl -X POST http://127.0.0.1:8080/api/v1/vms/web-1/backups");
  expect(text).toContain(`-d '{"mode":"full"}'`);
  expect(text).toContain("$NOVACRON_TOKEN");
});

it("quotes what a shell would take apart", () => {
  expect(quoted("it's; rm -rf /")).toBe(`'it'\\''s; rm -rf /'`);
  expect(quoted("web-1")).toBe("web-1");
});
