// @vitest-environment jsdom
import { render } from "@testing-library/react";
import { expect, it } from "vitest";
import { Facts } from "@/ui/Page";
import { parsed, rowsOf, wordOf } from "./words";

const textOf = (json: unknown) => render(<Facts rows={rowsOf(json)} />).container.textContent;

it("turns JSON names into words", () => {
  expect([wordOf("memory_bytes"), wordOf("vm_id"), wordOf("max_downtime_ms"), wordOf("cpus"), wordOf("mac"), wordOf("id"), wordOf("waited_ns"), wordOf("sha256")]).toEqual([
    "Memory", "VM", "Max downtime", "CPUs", "MAC", "ID", "Waited", "SHA-256",
  ]);
});

it("writes values with their units, and leaves out what is empty", () => {
  const text = textOf({ memory_bytes: 2 ** 30, max_downtime_ms: 500, cold: false, spec: { cpus: 2 }, name: "", volumes: [] });
  expect(text).toBe("Memory1 GiBMax downtime500 msColdnoSpec: CPUs2");
});

it("keeps text that is no JSON", () => {
  expect(parsed("not json")).toBe("not json");
  expect(parsed('{"a":1}')).toEqual({ a: 1 });
  expect(parsed(undefined)).toBeUndefined();
});
