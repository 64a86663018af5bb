import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { hasEnded, ownIdentity } from "./own-identity.ts";

const script = `const { ownIdentity } = await import(${JSON.stringify(new URL("./own-identity.ts", import.meta.url).href)});
  console.log(ownIdentity()); setInterval(() => {}, 1_000);`;

it.skipIf(process.platform !== "linux")(
  "tells of a process of this machine that it was killed, and of no other",
  async () => {
    expect(hasEnded(ownIdentity())).toBe(false);
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const identity = line.toString().trim();
    expect(hasEnded(identity)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(hasEnded(identity)).toBe(true);
    const [host = "", place = "", uuid = ""] = identity.split("_");
    const [pid = "", started = "", where = ""] = place.split("-");
    // Another machine, boot or PID namespace, or no such text at all.
    for (const other of [
      `other_${place}_${uuid}`,
      `${host}_${pid}-${started}-0.1_${uuid}`,
      `${host}_0-${started}-${where}_${uuid}`,
      `${host}_-1-${started}-${where}_${uuid}`,
      `${host}_${uuid}`,
      host,
      "",
    ])
      expect([other, hasEnded(other)]).toEqual([other, false]);
    // A later process of the same PID.
    expect(hasEnded(`${host}_${process.pid}-1-${where}_${uuid}`)).toBe(true);
  },
);
