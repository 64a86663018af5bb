import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram, run, startChild, until } from "#base";
import type { Place } from "#network";
import { birdName, readBirdRoutes, readBirdSessions } from "./bird-output.ts";
import { type Router, type RouterDescription, RouterUnavailable } from "./router.ts";

/** BIRD 2 or newer (package bird2). */
export async function startBird(place: Place, description: RouterDescription, folder: string): Promise<Router> {
  const bird = findProgram("bird");
  const birdc = findProgram("birdc");
  if (bird === null || birdc === null) {
    throw new RouterUnavailable("BIRD is not installed: on Debian, 'apt-get install bird2'");
  }
  // It writes its version to stderr and succeeds.
  const version = await versionOf(bird);
  await mkdir(folder, { recursive: true });
  const file = join(folder, "bird.conf");
  const socket = join(folder, "bird.ctl");
  const configuration = birdConfiguration(description);
  await writeFile(file, configuration, { mode: 0o600 });
  const child = await startChild({
    name: "bird",
    argv: place.command([bird, "-f", "-c", file, "-s", socket, "-P", join(folder, "bird.pid")]),
  });
  const ask = (question: string) => run([birdc, "-s", socket, "-r", ...question.split(" ")]);
  const close = async () => {
    await child.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(
      async () => {
        const ending = child.ending();
        if (ending !== null) throw new Error(`BIRD ended at once (${ending}): ${child.tail().join(" ")}`);
        return ask("show status").then(
          (text) => (text.includes("up and running") ? true : null),
          () => null,
        );
      },
      { limit: 5_000, late: () => `BIRD does not answer: ${child.tail().join(" ")}` },
    );
  } catch (error) {
    await close();
    throw error;
  }
  return {
    kind: "bird",
    title: `BIRD ${version}`,
    pids: [child.pid],
    configuration,
    routes: async () => readBirdRoutes(await ask("show route all"), description.neighbours),
    sessions: async () => readBirdSessions(await ask("show protocols"), description.neighbours),
    close,
  };
}

async function versionOf(bird: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const child = await startChild({
    name: "bird",
    argv: [bird, "--version"],
    onLine: (line) => resolve(/version ([\w.-]+)/.exec(line)?.[1] ?? ""),
  });
  void child.ended.then(() => resolve(""));
  return await promise;
}

export function birdConfiguration(description: RouterDescription): string {
  const { routerId, asn, port, listen, neighbours, installRoutes } = description;
  const loopback = listen.some(isLoopback4);
  const lines = [
    `router id ${routerId};`,
    "protocol device { scan time 5; }",
    ...(installRoutes
      ? [
          "protocol direct { ipv4; ipv6; }",
          ...(["ipv4", "ipv6"] as const).map(
            (family) =>
              `protocol kernel { merge paths on; ${family} { import none; export where source = RTS_BGP; }; }`,
          ),
        ]
      : []),
    // On loopback no route leads to 127.0.0.0/8 that BIRD would accept: any next hop counts as reachable.
    ...(loopback ? ['protocol static reach { ipv4; route 0.0.0.0/0 via "lo"; }'] : []),
  ];
  for (const neighbour of neighbours) {
    const local = listen.find((address) => address.includes(":") === neighbour.address.includes(":")) ?? listen[0];
    lines.push(
      `protocol bgp ${birdName(neighbour.name)} {`,
      `  local ${local} port ${port} as ${asn};`,
      `  neighbor ${neighbour.address} as ${neighbour.asn};`,
      ...(loopback ? ["  multihop;"] : []),
      "  passive on;",
      "  strict bind on;",
      `  hold time ${neighbour.holdTime};`,
      // Its default is a minute in which it takes no connection from a speaker that came back.
      "  error wait time 1, 2;",
      ...(neighbour.password === null ? [] : [`  password "${neighbour.password.replaceAll('"', "")}";`]),
      ...(neighbour.families.includes("ipv4-unicast") ? ["  ipv4 { import all; export none; };"] : []),
      ...(neighbour.families.includes("ipv6-unicast") ? ["  ipv6 { import all; export none; };"] : []),
      "}",
    );
  }
  return `${lines.join("\n")}\n`;
}

const isLoopback4 = (address: string): boolean => address.startsWith("127.");
