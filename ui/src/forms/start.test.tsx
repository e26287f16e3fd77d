// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { renderHook } from "@testing-library/react";
import { http, HttpResponse } from "msw";
import { setupServer } from "msw/node";
import type { ReactNode } from "react";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { ask } from "@/api/actions";
import { usePlan } from "./start";

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const idle = { isPending: false, isSuccess: false };
const ofMemory = (memory: number) => ask.createVM({ name: "web-1", image: "debian-12", cpus: 1, memory_bytes: memory, disk_bytes: 2 ** 30 });

function show() {
  const client = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>;
  return renderHook(({ memory, request }) => usePlan(ofMemory(memory), request), { wrapper, initialProps: { memory: 2 ** 29, request: idle } });
}

it("asks once for each request that stands for a moment, and not while it changes", async () => {
  const asked = vi.fn(() => HttpResponse.json({ kind: "provision", steps: [] }));
  server.use(http.post("*/api/v1/vms", asked));
  const { result, rerender } = show();
  await vi.waitFor(() => expect(result.current.plan).toBeDefined());
  for (let step = 1; step <= 5; step++) rerender({ memory: 2 ** 29 + step, request: idle });
  await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(2));
});

it("asks no more once the request itself is sent, and keeps what it knows", async () => {
  const asked = vi.fn(() => HttpResponse.json({ kind: "provision", steps: [] }));
  server.use(http.post("*/api/v1/vms", asked));
  const { result, rerender } = show();
  await vi.waitFor(() => expect(result.current.plan).toBeDefined());
  rerender({ memory: 2 ** 28, request: idle });
  rerender({ memory: 2 ** 28, request: { isPending: true, isSuccess: false } });
  await new Promise((resolve) => setTimeout(resolve, 600));
  rerender({ memory: 2 ** 28, request: { isPending: false, isSuccess: true } });
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(asked).toHaveBeenCalledTimes(1);
  expect(result.current.plan).toBeDefined();
  expect(result.current.error).toBeFalsy();
});
