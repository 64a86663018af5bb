import { defineConfig } from "vitest/config";

const conditions = ["metallb-source"];

/** The tests of one room, named by `scripts/mutate.ts`. */
export default defineConfig({
  ssr: { resolve: { conditions: [...conditions, "module", "node", "development|production"] } },
  test: {
    pool: "threads",
    include: [`packages/metallb/src/${process.env.MUTATED_ROOM}/**/*.test.ts`],
    isolate: false,
    setupFiles: ["scripts/mutation/setup.ts"],
    // A busy machine is no failure; what never ends is stopped by Stryker.
    testTimeout: 600_000,
  },
});
