import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, type Program, runIn, startProgram } from "../../support/programs.ts";
import { SPEAKER_AS } from "./bench.ts";
import { exabgp } from "./exabgp.ts";
import { families, type Make, routerAs, routerAt, speakerAs, speakerAt, type Wish } from "./make.ts";

const frr: Make = {
  name: "FRR",
  part: "frr",
  cannot: (wish) => (wish.bfdAuthentication ? "it has no BFD authentication" : null),
  words: {
    asPath: (value) => new RegExp(`"string": ?"${value}"`),
    community: (value) => new RegExp(`"community": ?\\{[^}]*${value}`),
    largeCommunity: (value) => new RegExp(`"largeCommunity": ?\\{[^}]*${value}`),
    localPref: (value) => new RegExp(`"locPrf": ?${value}\\b`),
    med: (value) => new RegExp(`"metric": ?${value}\\b`),
    bandwidth: (value) => new RegExp(`"extendedCommunity": ?\\{[^}]*LB:${SPEAKER_AS}:${value} `),
    // It heeds it, too.
    gracefulShutdown: () => /"locPrf": ?0,.*"list": ?\[ ?"gracefulShutdown"/,
  },
  start: async (bench, wish) => {
    const neighbor = wish.over === "unnumbered" ? "x0" : speakerAt(wish);
    const lines = [
      "hostname router",
      `router bgp ${routerAs(wish)}`,
      " bgp router-id 10.99.0.1",
      " no bgp ebgp-requires-policy",
      " no bgp default ipv4-unicast",
      ...(wish.graceful ? [" bgp graceful-restart", " bgp graceful-restart stalepath-time 60"] : []),
      wish.over === "unnumbered"
        ? " neighbor x0 interface remote-as external"
        : ` neighbor ${neighbor} remote-as ${speakerAs(wish)}`,
      ` neighbor ${neighbor} timers 3 9`,
      ` neighbor ${neighbor} timers connect 1`,
      ...(wish.dials || wish.over === "unnumbered" ? [] : [` neighbor ${neighbor} passive`]),
      ...(wish.password ? [` neighbor ${neighbor} password ${wish.password}`] : []),
      ...(wish.ttlSecurity ? [` neighbor ${neighbor} ttl-security hops 1`] : []),
      ...(wish.bfdMultihop
        ? [` neighbor ${neighbor} ebgp-multihop 5`, ` neighbor ${neighbor} update-source ${routerAt(wish)}`]
        : []),
      ...(wish.bfd ? [` neighbor ${neighbor} bfd`, ` neighbor ${neighbor} bfd profile fast`] : []),
      ...families(wish).flatMap((family) => [
        ` address-family ${family} unicast`,
        `  neighbor ${neighbor} activate`,
        " exit-address-family",
      ]),
      // For bfdd, last: the other daemons do not know it.
      ...(wish.bfd
        ? [
            "bfd",
            " profile fast",
            "  detect-multiplier 3",
            `  receive-interval ${wish.bfd}`,
            `  transmit-interval ${wish.bfd}`,
            ...(wish.bfdEcho
              ? ["  echo-mode", `  echo transmit-interval ${wish.bfdEcho}`, `  echo receive-interval ${wish.bfdEcho}`]
              : []),
          ]
        : []),
    ];
    const file = join(bench.folder, "frr.conf");
    const run = join(bench.folder, "frr");
    await mkdir(run, { recursive: true });
    await writeFile(file, `${lines.join("\n")}\n`);
    await writeFile(join(bench.folder, "vtysh.conf"), "");
    const programs: Program[] = [];
    const daemon = async (name: string, ...more: readonly string[]): Promise<void> => {
      const common = [
        "-f",
        file,
        "-i",
        join(run, `${name}.pid`),
        "-z",
        join(run, "zserv.api"),
        "--vty_socket",
        run,
        "-P",
        "0",
      ];
      const argv = [`/usr/lib/frr/${name}`, ...common, "-u", "root", "-g", "frrvty", "--log", "stdout", ...more];
      programs.push(await startProgram(bench.router, argv));
    };
    const ask = (question: string, of = "bgpd") =>
      runIn(bench.router, "vtysh", "--config_dir", bench.folder, "--vty_socket", run, "-d", of, "-c", question);
    await daemon("zebra");
    await eventually(
      () => ask("show version", "zebra"),
      (text) => text.includes("FRR"),
      { what: "zebra does not answer", limit: 10_000 },
    );
    if (wish.bfd) await daemon("bfdd", "--bfdctl", join(run, "bfdd.sock"));
    const bgpd = ["/usr/lib/frr/bgpd", "-f", file, "-i", join(run, "bgpd.pid"), "-z", join(run, "zserv.api")];
    programs.push(await startProgram(bench.router, [...bgpd, "--vty_socket", run, "-P", "0", "-S", "--log", "stdout"]));
    await eventually(
      () => ask("show version"),
      (text) => text.includes("FRR"),
      { what: "bgpd does not answer", limit: 10_000 },
    );
    return {
      programs,
      ask: (question) => ask(question, question.includes("bfd") ? "bfdd" : "bgpd"),
      route: async (prefix) => {
        const text = await ask(`show bgp ${prefix.includes(":") ? "ipv6" : "ipv4"} unicast ${prefix} json`);
        return text.includes('"paths"') ? text.replaceAll(/\s+/g, " ") : "";
      },
      refresh: () => ask(`clear bgp ipv4 unicast ${neighbor} soft in`),
      shutdown: (text) =>
        runIn(
          bench.router,
          ...["vtysh", "--config_dir", bench.folder, "--vty_socket", run, "-d", "bgpd", "-c", "configure"],
          ...["-c", `router bgp ${routerAs(wish)}`, "-c", `neighbor ${neighbor} shutdown message ${text}`],
        ),
      stop: () => Promise.all(programs.map((each) => each.stop())),
    };
  },
};

/** BIRD's key is number 1. */
const authentication = ({ bfdAuthentication }: Wish): string =>
  bfdAuthentication ? ` authentication ${bfdAuthentication}; password "secret" { id 1; };` : "";

const bird: Make = {
  name: "BIRD 2",
  part: "bird",
  cannot: (wish) => {
    if (wish.bfdEcho) return "it has no BFD echo, neither its own nor a word that ours may come back";
    return wish.over === "unnumbered"
      ? "2.0.12 needs the neighbour's address: it does not listen to router advertisements"
      : null;
  },
  words: {
    asPath: (value) => new RegExp(`BGP.as_path: ${value}\\s`),
    community: (value) => new RegExp(`BGP.community: .*\\(${value.replace(":", ",")}\\)`),
    largeCommunity: (value) => new RegExp(`BGP.large_community: .*\\(${value.replaceAll(":", ", ")}\\)`),
    localPref: (value) => new RegExp(`BGP.local_pref: ${value}\\s`),
    med: (value) => new RegExp(`BGP.med: ${value}\\s`),
    // As a number that is an IEEE float, and the AS before it.
    bandwidth: (value) =>
      new RegExp(
        `BGP.ext_community: .*0x4004, ${SPEAKER_AS}, ${new Uint32Array(Float32Array.of(Number(value)).buffer)[0]}\\)`,
      ),
    gracefulShutdown: () => /BGP.community: .*\(65535,0\)/,
  },
  start: async (bench, wish) => {
    const channels = families(wish).map(
      (family) =>
        `  ${family} { import all; export none;${family === "ipv4" && wish.over === "six" ? " extended next hop on;" : ""} };`,
    );
    const text = [
      "router id 10.99.0.1;",
      "protocol device {}",
      "protocol direct { ipv4; ipv6; }",
      ...(wish.bfd
        ? [
            `protocol bfd { interface "*" { interval ${wish.bfd} ms; multiplier 3;${authentication(wish)} }; multihop { interval ${wish.bfd} ms; multiplier 3; }; }`,
          ]
        : []),
      "protocol bgp peer {",
      `  local ${routerAt(wish)} as ${routerAs(wish)};`,
      `  neighbor ${speakerAt(wish)} as ${speakerAs(wish)};`,
      wish.dials ? "  connect delay time 1;" : "  passive on;",
      "  hold time 9;",
      "  error wait time 1, 2;",
      ...(wish.extended ? ["  enable extended messages on;"] : []),
      ...(wish.password ? [`  password "${wish.password}";`] : []),
      ...(wish.ttlSecurity ? ["  ttl security on;"] : []),
      ...(wish.bfdMultihop ? ["  multihop 5;"] : []),
      ...(wish.bfd ? ["  bfd on;"] : []),
      `  graceful restart ${wish.graceful ? "on" : "aware"};`,
      ...channels,
      "}",
    ].join("\n");
    const file = join(bench.folder, "bird.conf");
    const control = join(bench.folder, "bird.ctl");
    await writeFile(file, `${text}\n`);
    const program = await startProgram(bench.router, [
      "bird",
      "-f",
      "-c",
      file,
      "-s",
      control,
      "-P",
      join(bench.folder, "bird.pid"),
    ]);
    const ask = (...question: readonly string[]) => runIn(bench.router, "birdc", "-s", control, ...question);
    await eventually(
      () => ask("show", "status"),
      (status) => status.includes("up and running"),
      { what: `BIRD does not answer: ${program.output()}`, limit: 10_000 },
    );
    return {
      programs: [program],
      ask: (question) => ask(...question.split(" ")),
      route: async (prefix) => {
        const route = await ask("show", "route", "all", prefix).catch(() => "");
        return route.includes("BGP.origin") ? `${route} ` : "";
      },
      refresh: () => ask("reload", "in", "peer"),
      shutdown: (text) => ask("disable", "peer", `"${text}"`),
      stop: () => program.stop(),
    };
  },
};

const gobgp: Make = {
  name: "GoBGP",
  part: "gobgp",
  cannot: (wish) => {
    if (wish.bfd) return "3.10 has no BFD";
    if (wish.extended) return "3.10 has no extended messages";
    if (wish.over === "unnumbered")
      return "its unnumbered peers need the neighbour's address in the kernel's table before it starts";
    return null;
  },
  words: {
    asPath: (value) => new RegExp(`"as_paths":\\[\\{[^\\]]*"asns":\\[${value.replaceAll(" ", ",")}\\]`),
    community: (value) => {
      const [high = 0, low = 0] = value.split(":").map(Number);
      return new RegExp(`"communities":\\[[^\\]]*${high * 65_536 + low}`);
    },
    largeCommunity: (value) => {
      const [a, b, c] = value.split(":");
      return new RegExp(`"ASN":${a},"LocalData1":${b},"LocalData2":${c}`);
    },
    localPref: (value) => new RegExp(`"type":5,"value":${value}\\b`),
    med: (value) => new RegExp(`"type":4,"metric":${value}\\b`),
    bandwidth: (value) => new RegExp(`"type":64,"subtype":4,"asn":${SPEAKER_AS},"bandwidth":${value}\\b`),
    gracefulShutdown: () => /"communities":\[[^\]]*4294901760/,
  },
  start: async (bench, wish) => {
    const file = join(bench.folder, "gobgp.toml");
    const text = [
      "[global.config]",
      `  as = ${routerAs(wish)}`,
      '  router-id = "10.99.0.1"',
      "  port = 179",
      "[[neighbors]]",
      "  [neighbors.config]",
      `    neighbor-address = "${speakerAt(wish)}"`,
      `    peer-as = ${speakerAs(wish)}`,
      ...(wish.password ? [`    auth-password = "${wish.password}"`] : []),
      "  [neighbors.transport.config]",
      `    passive-mode = ${!wish.dials}`,
      "  [neighbors.timers.config]",
      "    hold-time = 9",
      "    keepalive-interval = 3",
      "    connect-retry = 1",
      ...(wish.ttlSecurity ? ["  [neighbors.ttl-security.config]", "    enabled = true", "    ttl-min = 255"] : []),
      ...(wish.graceful
        ? [
            "  [neighbors.graceful-restart.config]",
            "    enabled = true",
            "    restart-time = 60",
            "    helper-only = true",
          ]
        : []),
      ...families(wish).flatMap((family) => [
        "  [[neighbors.afi-safis]]",
        "    [neighbors.afi-safis.config]",
        `      afi-safi-name = "${family}-unicast"`,
        ...(wish.graceful ? ["    [neighbors.afi-safis.mp-graceful-restart.config]", "      enabled = true"] : []),
      ]),
    ].join("\n");
    await writeFile(file, `${text}\n`);
    const program = await startProgram(bench.router, [
      "gobgpd",
      "-f",
      file,
      "--api-hosts",
      "127.0.0.1:50051",
      "--pprof-disable",
    ]);
    const ask = (...argv: readonly string[]) => runIn(bench.router, "gobgp", "-j", ...argv);
    await eventually(
      () => ask("global"),
      (answer) => answer.includes("asn"),
      { what: `GoBGP does not answer: ${program.output()}`, limit: 10_000 },
    );
    return {
      programs: [program],
      route: async (prefix) => {
        const route = await ask("global", "rib", "-a", prefix.includes(":") ? "ipv6" : "ipv4", prefix).catch(() => "");
        return route.includes('"attrs"') ? route : "";
      },
      shutdown: (text) => runIn(bench.router, "gobgp", "neighbor", speakerAt(wish), "shutdown", "--reason", text),
      stop: () => program.stop("SIGKILL"),
    };
  },
};

const openbgpd: Make = {
  name: "OpenBGPD",
  part: "openbgpd",
  cannot: (wish) => {
    if (wish.bfd) return "it has no BFD";
    if (wish.extended) return "7.7 has no extended messages";
    if (wish.over === "unnumbered") return "it has no unnumbered peers";
    if (wish.password) return "7.7 on Linux has no TCP MD5";
    if (wish.over === "six" && wish.families?.includes("ipv4")) return "it has no IPv4 over IPv6 next hops (RFC 8950)";
    return null;
  },
  words: {
    asPath: (value) => new RegExp(`"aspath": ?"${value}"`),
    community: (value) => new RegExp(`"communities": ?\\[[^\\]]*"${value}"`),
    largeCommunity: (value) => new RegExp(`"large_communities": ?\\[[^\\]]*"${value}"`),
    localPref: (value) => new RegExp(`"localpref": ?${value}\\b`),
    med: (value) => new RegExp(`"metric": ?${value}\\b`),
    bandwidth: () => /never/,
    gracefulShutdown: () => /"communities": ?\[[^\]]*"GRACEFUL_SHUTDOWN"/,
  },
  start: async (bench, wish) => {
    const file = join(bench.folder, "bgpd.conf");
    const control = join(bench.folder, "bgpd.sock");
    const text = [
      `AS ${routerAs(wish)}`,
      "router-id 10.99.0.1",
      "fib-update no",
      `socket "${control}"`,
      `listen on ${routerAt(wish)}`,
      `neighbor ${speakerAt(wish)} {`,
      `  remote-as ${speakerAs(wish)}`,
      `  local-address ${routerAt(wish)}`,
      ...(wish.dials ? [] : ["  passive"]),
      "  holdtime 9",
      ...(wish.ttlSecurity ? ["  ttl-security yes"] : []),
      ...(["ipv4", "ipv6"] as const).map(
        (family) =>
          `  announce ${family === "ipv4" ? "IPv4" : "IPv6"} ${families(wish).includes(family) ? "unicast" : "none"}`,
      ),
      "}",
      "allow from any",
      "deny to any",
    ].join("\n");
    await writeFile(file, `${text}\n`, { mode: 0o600 });
    await chmod(bench.folder, 0o755);
    await mkdir("/run/openbgpd", { recursive: true });
    const program = await startProgram(bench.router, ["/usr/sbin/bgpd", "-d", "-f", file]);
    const ask = (...argv: readonly string[]) => runIn(bench.router, "bgpctl", "-s", control, "-j", ...argv);
    await eventually(
      () => ask("show"),
      (answer) => answer.includes("neighbors"),
      { what: `OpenBGPD does not answer: ${program.output()}`, limit: 10_000 },
    );
    return {
      programs: [program],
      route: async (prefix) => {
        const route = await ask("show", "rib", "detail", prefix).catch(() => "");
        return route.includes('"prefix"') ? route.replaceAll(/\s+/g, " ") : "";
      },
      refresh: () => runIn(bench.router, "bgpctl", "-s", control, "neighbor", speakerAt(wish), "refresh"),
      shutdown: (text) => runIn(bench.router, "bgpctl", "-s", control, "neighbor", speakerAt(wish), "down", text),
      stop: () => program.stop(),
    };
  },
};

export const MAKES: readonly Make[] = [bird, frr, gobgp, openbgpd, exabgp];
