import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Browser tests: against the mock's build, or with NOVACRON_URL against a real stack.
export default defineConfig({
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  test: {
    environment: "node",
    include: process.env.NOVACRON_URL ? ["e2e/real/**/*.test.ts"] : ["e2e/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
