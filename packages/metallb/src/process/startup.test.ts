import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

it.each(["controller", "speaker"])("%s tells its version, needs nothing for it, and starts nothing", (name) => {
  const program = new URL(`../../bin/${name}`, import.meta.url).pathname;
  for (const flag of ["--version", "-version"]) {
    const { status, stdout, stderr } = spawnSync(program, [flag], {
      encoding: "utf8",
      env: { PATH: process.env.PATH },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^metallb-${name} \\d+\\.\\d+\\.\\d+ \\(commit \\S+, branch \\S+, Node v\\d+`));
  }
});
