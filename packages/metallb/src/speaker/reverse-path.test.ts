import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { strictReversePaths } from "./reverse-path.ts";

it("tells which interfaces filter strictly, and nothing where the kernel tells nothing", () => {
  const folder = mkdtempSync(join(tmpdir(), "metallb-rp-"));
  const set = (filters: Readonly<Record<string, number>>) => {
    for (const [name, value] of Object.entries(filters)) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, "rp_filter"), `${value}\n`);
    }
  };
  set({ all: 0, default: 1, lo: 1, eth0: 1, eth1: 2, eth2: 0 });
  expect(strictReversePaths(folder)).toEqual(["eth0"]);
  set({ all: 1 });
  expect(strictReversePaths(folder)).toEqual(["eth0", "eth2"]);
  set({ all: 2 });
  expect(strictReversePaths(folder)).toEqual([]);
  rmSync(folder, { recursive: true });
  expect(strictReversePaths(folder)).toEqual([]);
});
