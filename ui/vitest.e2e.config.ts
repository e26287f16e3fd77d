import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Browser tests: e2e against the mock's build, e2e/stack against an installation that runs (NOVACRON_URL).
export default defineConfig({
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  test: {
    environment: "node",
    include: ["e2e/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
