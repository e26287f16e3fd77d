import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// mockServiceWorker serves msw's worker script from its package, so that no copy of it is kept here.
function mockServiceWorker(): Plugin {
  const script = () =>
    readFileSync(createRequire(import.meta.url).resolve("msw/mockServiceWorker.js"), "utf8");
  return {
    name: "novacron-mock-service-worker",
    configureServer(server) {
      server.middlewares.use("/mockServiceWorker.js", (_request, response) => {
        response.setHeader("Content-Type", "text/javascript");
        response.end(script());
      });
    },
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "mockServiceWorker.js", source: script() });
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [react(), tailwindcss(), ...(mode === "mock" ? [mockServiceWorker()] : [])],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: { target: "es2022", chunkSizeWarningLimit: 900 },
  server: {
    // `npm run dev` works against a running server: NOVACRON_URL, by default the one that `make up` starts.
    proxy:
      mode === "mock"
        ? undefined
        : { "/api": { target: process.env.NOVACRON_URL ?? "http://127.0.0.1:8080", ws: true } },
  },
  test: {
    environment: "node", // tests that need a page say so
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/mock/test-setup.ts"],
    restoreMocks: true,
  },
}));
