import { defineConfig } from "vitest/config";

const pure = "net,api,config,legacy,allocator,planner,bgp,bfd,neighbor,gossip,world,view,explain";

const endurance = [
  "test/mutation-corpus/**/*.test.ts",
  "test/layer2/mutations.test.ts",
  "packages/metallb/src/controller/checker/endurance.test.ts",
];

const conditions = ["metallb-source"];

export default defineConfig({
  ssr: { resolve: { conditions: [...conditions, "module", "node", "development|production"] } },
  test: {
    pool: "threads",
    setupFiles: ["test/support/seed.ts"],
    // What is waited for may take its time on a busy machine; what never comes is a failure.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        // The pure rooms, and world, whose tests are pure: no clock, no socket. Under ten seconds in all.
        extends: true,
        test: {
          name: "unit",
          include: [`packages/metallb/src/{${pure}}/**/*.test.ts`, "test/architecture/**/*.test.ts"],
          isolate: false,
          // A machine that is busy with something else is no failure; a hang is.
          testTimeout: 60_000,
        },
      },
      {
        // The shells, on loopback, without root and without foreign programs.
        extends: true,
        test: {
          name: "shell",
          include: ["packages/*/src/**/*.test.ts"],
          exclude: [`packages/metallb/src/{${pure}}/**`, ...endurance, "node_modules/**"],
          testTimeout: 60_000,
        },
      },
      {
        // Minutes of chance in CI, broken packets and interleavings: on all cores at once, beside nothing that measures time.
        extends: true,
        test: { name: "endurance", include: endurance, testTimeout: 120_000 },
      },
      {
        // What needs real parts: routers, network namespaces, a real Kubernetes, a browser. One file at a time.
        extends: true,
        test: {
          name: "system",
          include: ["test/**/*.test.ts"],
          exclude: ["test/architecture/**", ...endurance, "node_modules/**"],
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
