import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

it("the page, which is typed with the browser's library, has no type error", () => {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const project = join(root, "packages/metallb/src/web/client");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", project], { encoding: "utf8" });
  expect([status, stdout]).toEqual([0, ""]);
}, 60_000);
