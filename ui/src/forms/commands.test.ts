import { expect, it } from "vitest";
import { ask } from "@/api/actions";
import { cli, curl, quoted } from "./commands";

it("prints the CLI's command for a form", () => {
  const vm = { name: "web-1", image: "debian-12", cpus: 2, memory_bytes: 512 * 2 ** 20, disk_bytes: 3 * 2 ** 30, host: "h2" };
  expect(cli.createVM(vm)).toBe("novacron vm create web-1 --image debian-12 --cpus 2 --memory 512MiB --disk 3GiB --host h2");
  expect(cli.migrate("web-1", "h3", false, { bandwidth_bytes_per_second: 50 * 2 ** 20, max_downtime_ms: 300 })).toBe(
    "novacron vm migrate web-1 --to h3 --bandwidth 50 --max-downtime 300",
  );
  expect(cli.power("stop", "web-1", true)).toBe("novacron vm stop web-1 --force");
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
