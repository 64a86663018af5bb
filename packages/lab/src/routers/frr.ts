import { mkdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { type Child, findProgram, run, startChild, until } from "#base";
import type { Place } from "#network";
import { readFrrRoutes, readFrrSessions } from "./frr-output.ts";
import { type Router, type RouterDescription, RouterUnavailable } from "./router.ts";

/** The daemons are here and in no PATH; `/usr/sbin/bgpd` would be OpenBGPD's. */
const DAEMONS = "/usr/lib/frr";

/** FRR 7.5 or newer (package frr). Without root: bgpd alone, which then keeps its routes to itself. */
export async function startFrr(place: Place, description: RouterDescription, folder: string): Promise<Router> {
  const [bgpd, zebra] = ["bgpd", "zebra"].map((name) => findInFrr(name));
  const vtysh = findProgram("vtysh");
  if (bgpd == null || zebra == null || vtysh === null) {
    throw new RouterUnavailable("FRR is not installed: on Debian, 'apt-get install frr'");
  }
  const file = join(folder, "frr.conf");
  const runFolder = join(folder, "run");
  await mkdir(runFolder, { recursive: true });
  const configuration = frrConfiguration(description);
  await writeFile(file, configuration, { mode: 0o600 });
  await writeFile(join(folder, "vtysh.conf"), "");

  const children: Child[] = [];
  const close = async () => {
    await Promise.all(children.map((child) => child.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  const start = async (name: string, argv: readonly string[]) => {
    const common = ["-f", file, "-i", join(runFolder, `${name}.pid`), "--vty_socket", runFolder, "-P", "0"];
    const whole = [...argv, ...common, "--log", "stdout"];
    children.push(await startChild({ name, argv: place.command(whole) }));
  };
  const ask = (question: string) =>
    run([vtysh, "--config_dir", folder, "--vty_socket", runFolder, "-d", "bgpd", "-c", question]);
  const table = async (family: "ipv4" | "ipv6") => {
    const text = await ask(`show bgp ${family} unicast json detail`);
    // FRR 8.5 turned the two words around.
    return text.startsWith("%") ? ask(`show bgp ${family} unicast detail json`) : text;
  };
  try {
    const zserv = join(runFolder, "zserv.api");
    const socket = ["-z", zserv];
    // As the user that started them, so that their folders need no other owner. Only bgpd has -S for that.
    if (description.installRoutes) {
      await start("zebra", [zebra, ...socket, "-u", "root", "-g", "frrvty"]);
      // A bgpd that finds no zebra tries again after ten seconds, and until then no route reaches the kernel.
      await until(() => listens(zserv), {
        limit: 10_000,
        late: () => `FRR's zebra does not listen: ${children.flatMap((child) => child.tail().slice(-3)).join(" ")}`,
      });
    }
    const listen = description.listen.flatMap((address) => ["-l", address]);
    await start("bgpd", [
      bgpd,
      "-S",
      "-p",
      String(description.port),
      ...listen,
      ...(description.installRoutes ? socket : ["-Z"]),
    ]);
    const version = await until(
      async () => {
        const ended = children.find((child) => child.ending() !== null);
        if (ended !== undefined) {
          throw new Error(`FRR's ${ended.name} ended at once (${ended.ending()}): ${ended.tail().join(" ")}`);
        }
        return ask("show version").then(
          (text) => /FRRouting (\S+)/.exec(text)?.[1] ?? null,
          () => null,
        );
      },
      {
        limit: 10_000,
        late: () => `FRR does not answer: ${children.flatMap((child) => child.tail().slice(-3)).join(" ")}`,
      },
    );
    return {
      kind: "frr",
      title: `FRR ${version}`,
      pids: children.map((child) => child.pid),
      configuration,
      routes: async () => {
        const [four, six] = await Promise.all([table("ipv4"), table("ipv6")]);
        return [...readFrrRoutes(four, description.neighbours), ...readFrrRoutes(six, description.neighbours)];
      },
      sessions: async () => readFrrSessions(await ask("show bgp summary json"), description.neighbours),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** True when a program listens on that Unix socket, and null until then. */
const listens = (path: string) =>
  new Promise<true | null>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(null));
  });

const findInFrr = (name: string): string | null => {
  const path = findProgram(name, [DAEMONS]);
  return path?.startsWith(DAEMONS) ? path : null;
};

export function frrConfiguration(description: RouterDescription): string {
  const { asn, routerId, neighbours, listen } = description;
  const loopback = listen.some((address) => address.startsWith("127."));
  const lines = [
    "hostname router",
    "route-map nothing deny 10",
    `router bgp ${asn}`,
    ` bgp router-id ${routerId}`,
    " no bgp ebgp-requires-policy",
    " no bgp default ipv4-unicast",
    " bgp bestpath as-path multipath-relax",
    ...(loopback ? [" bgp allow-martian-nexthop"] : []),
  ];
  for (const { address, asn: remote, holdTime, password } of neighbours) {
    lines.push(
      ` neighbor ${address} remote-as ${remote}`,
      ` neighbor ${address} passive`,
      ` neighbor ${address} timers ${Math.max(1, Math.floor(holdTime / 3))} ${holdTime}`,
      ...(password === null ? [] : [` neighbor ${address} password ${password}`]),
      ...(loopback ? [` neighbor ${address} disable-connected-check`] : []),
    );
  }
  for (const family of ["ipv4", "ipv6"] as const) {
    lines.push(` address-family ${family} unicast`, "  maximum-paths 64");
    for (const { address, families } of neighbours) {
      if (!families.includes(`${family}-unicast`)) continue;
      lines.push(`  neighbor ${address} activate`, `  neighbor ${address} route-map nothing out`);
    }
    lines.push(" exit-address-family");
  }
  return `${lines.join("\n")}\n`;
}
