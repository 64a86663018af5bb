import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, runIn, startProgram } from "../../support/programs.ts";
import { families, type Make, routerAs, routerAt, speakerAs, speakerAt } from "./make.ts";

interface Told {
  readonly type?: string;
  readonly neighbor?: {
    readonly state?: string;
    readonly message?: {
      readonly update?: {
        readonly attribute?: unknown;
        readonly announce?: Readonly<Record<string, Readonly<Record<string, readonly { readonly nlri?: string }[]>>>>;
        readonly withdraw?: Readonly<Record<string, readonly { readonly nlri?: string }[]>>;
      };
    };
  };
}

/** What was told last of the prefix, or nothing: ExaBGP keeps no table, it tells a program what it hears. */
function routeIn(lines: string, prefix: string): string {
  let route = "";
  for (const line of lines.split("\n").filter((each) => each.startsWith("{"))) {
    const { type, neighbor } = JSON.parse(line) as Told;
    if (type === "state" && neighbor?.state === "down") route = "";
    const { announce = {}, withdraw = {}, attribute } = neighbor?.message?.update ?? {};
    for (const gone of Object.values(withdraw)) if (gone.some(({ nlri }) => nlri === prefix)) route = "";
    for (const family of Object.values(announce))
      for (const [nextHop, nlri] of Object.entries(family))
        if (nlri.some((each) => each.nlri === prefix)) route = JSON.stringify({ nextHop, attribute });
  }
  return route;
}

export const exabgp: Make = {
  name: "ExaBGP",
  part: "exabgp",
  cannot: (wish) => {
    if (wish.bfd) return "it has no BFD";
    if (wish.over === "unnumbered") return "it has no unnumbered peers";
    if (wish.graceful) return "it keeps no routes, so none of a peer that is away";
    if (wish.ttlSecurity) return "4.2 sets the TTL of connections alone that it opens";
    if (wish.shutdownText) return "it ends a session without words";
    return null;
  },
  words: {
    asPath: (value) => new RegExp(`"as-path":\\[${value.replaceAll(" ", ",")}\\]`),
    community: (value) => new RegExp(`"community":\\[[^"]*\\[${value.replace(":", ",")}\\]`),
    largeCommunity: (value) => new RegExp(`"large-community":\\[[^"]*\\[${value.replaceAll(":", ",")}\\]`),
    localPref: (value) => new RegExp(`"local-preference":${value}\\b`),
    med: (value) => new RegExp(`"med":${value}\\b`),
    bandwidth: () => /never/,
    gracefulShutdown: () => /"community":\[[^"]*\[65535,0\]/,
  },
  start: async (bench, wish) => {
    const told = join(bench.folder, "exabgp.json");
    const script = join(bench.folder, "exabgp.sh");
    const control = join(bench.folder, "exabgp.conf");
    await writeFile(told, "");
    // ExaBGP's pipe does not block: cat ends whenever it is empty, and once more when it is closed.
    await writeFile(script, `#!/bin/sh\nuntil cat 2>/dev/null >> ${told}; do sleep 0.05; done\n`, { mode: 0o755 });
    const lines = [
      `process routes { run ${script}; encoder json; }`,
      `neighbor ${speakerAt(wish)} {`,
      "  router-id 10.99.0.1;",
      `  local-address ${routerAt(wish)};`,
      `  local-as ${routerAs(wish)};`,
      `  peer-as ${speakerAs(wish)};`,
      "  hold-time 9;",
      ...(wish.dials ? [] : ["  passive true;"]),
      ...(wish.password ? [`  md5-password "${wish.password}";`] : []),
      ...(wish.ttlSecurity ? ["  incoming-ttl 255;", "  outgoing-ttl 255;"] : []),
      `  family { ${families(wish)
        .map((family) => `${family} unicast;`)
        .join(" ")} }`,
      `  capability { asn4 enable; route-refresh enable; nexthop enable; extended-message ${wish.extended ? "enable" : "disable"}; }`,
      "  api { processes [ routes ]; neighbor-changes; receive { parsed; update; } }",
      "}",
    ];
    await writeFile(control, `${lines.join("\n")}\n`);
    const settings = {
      "daemon.user": "root",
      "tcp.bind": routerAt(wish),
      "tcp.port": "179",
      "tcp.attempts": "0",
      "api.cli": "false",
      "log.destination": "stdout",
    };
    const env = Object.entries(settings).map(([name, value]) => `exabgp.${name}=${value}`);
    const program = await startProgram(bench.router, ["env", ...env, "exabgp", control]);
    if (!wish.dials)
      await eventually(
        () => runIn(bench.router, "ss", "-Hltn", "sport = :179"),
        (sockets) => sockets !== "",
        { what: `ExaBGP does not listen: ${program.output()}`, limit: 15_000 },
      );
    return {
      programs: [program],
      route: async (prefix) => routeIn(await readFile(told, "utf8"), prefix),
      stop: () => program.stop("SIGKILL"),
    };
  },
};
