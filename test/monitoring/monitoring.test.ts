import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { ControllerBench, NAMESPACE } from "../controller/bench.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, HERE, projectFile, startProgram } from "../support/programs.ts";
import { DASHBOARDS, metricsIn, queriesOf, rendered, ruleGroups } from "./chart.ts";

/** Upstream's names (contract 9.3), and ours. */
const ALERTS = [
  "MetalLBStaleConfig",
  "MetalLBConfigNotLoaded",
  "MetalLBAddressPoolExhausted",
  "MetalLBAddressPoolUsage75Percent",
  "MetalLBAddressPoolUsage85Percent",
  "MetalLBAddressPoolUsage95Percent",
  "MetalLBBGPSessionDown",
  "MetalLBBGPSessionFlapping",
  "MetalLBBGPRedundancyLost",
  "MetalLBBFDSessionFlapping",
  "MetalLBAddressPoolNearlyFull",
  "MetalLBAddressConflict",
  "MetalLBServicesWaiting",
];

/** Of the controller, of the speaker, of Prometheus. */
const PORTS = [17_492, 17_493, 17_494] as const;

describeWith(["helm", "prometheus"], "the alerts", () => {
  const folder = mkdtempSync(join(tmpdir(), "metallb-alerts-"));
  const promtool = (...args: readonly string[]) => spawnSync("promtool", args, { cwd: folder, encoding: "utf8" });
  beforeAll(() => {
    writeFileSync(join(folder, "rules.yaml"), stringify(ruleGroups()));
    cpSync(projectFile("test/monitoring/alerts.yaml"), join(folder, "alerts.yaml"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("have upstream's names, and ours beside", () => {
    expect(ruleGroups().groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))).toEqual(ALERTS);
  });

  it("are rules that Prometheus takes", () => {
    const { stdout, stderr, status } = promtool("check", "rules", "rules.yaml");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`${ALERTS.length} rules found`);
  });

  it("fire on what they name, and on nothing else", () => {
    const { stdout, stderr, status } = promtool("test", "rules", "alerts.yaml");
    expect(`${stdout}${stderr}`).toContain("SUCCESS");
    expect(status).toBe(0);
  });
});

describeWith(["helm", "prometheus"], "a real Prometheus that scrapes controller and speaker", () => {
  let bench: ControllerBench;
  let folder: string;
  let known: ReadonlySet<string>;

  const ask = async (
    path: string,
  ): Promise<{ readonly status: string; readonly data: never; readonly error?: string }> =>
    (await fetch(`http://127.0.0.1:${PORTS[2]}/api/v1/${path}`)).json() as never;
  const query = async (text: string) => await ask(`query?query=${encodeURIComponent(text)}`);

  beforeAll(async () => {
    bench = await ControllerBench.create("embedded");
    await bench.create("a");
    const { users } = parse(await readFile(bench.env.KUBECONFIG ?? "", "utf8")) as {
      readonly users: readonly { readonly user: { readonly token: string } }[];
    };
    await bench.start(`--port=${PORTS[0]}`);
    const flags = [`--namespace=${NAMESPACE}`, `--port=${PORTS[1]}`, "--health-probe-port=0", "--node-name=node-1"];
    const speaker = await startProgram(HERE, [projectFile("packages/metallb/bin/speaker"), ...flags], bench.env);
    folder = mkdtempSync(join(tmpdir(), "metallb-prometheus-"));
    const job = (name: string, port: number) => ({
      job_name: name,
      scheme: "https",
      tls_config: { insecure_skip_verify: true },
      authorization: { credentials: users[0]?.user.token ?? "" },
      static_configs: [{ targets: [`127.0.0.1:${port}`] }],
    });
    const configuration = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: ["rules.yaml"],
      scrape_configs: [job("metallb-controller", PORTS[0]), job("metallb-speaker", PORTS[1])],
    };
    writeFileSync(join(folder, "rules.yaml"), stringify(ruleGroups()));
    writeFileSync(join(folder, "prometheus.yaml"), stringify(configuration), { mode: 0o600 });
    const prometheus = await startProgram(HERE, [
      "prometheus",
      `--config.file=${join(folder, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${PORTS[2]}`,
    ]);
    stop = async () => {
      await prometheus.stop();
      await speaker.stop();
      await bench.close();
      rmSync(folder, { recursive: true, force: true });
    };
    await eventually(
      async () =>
        (await query("sum(up)")).data as { readonly result: readonly { readonly value: readonly [number, string] }[] },
      ({ result }) => result[0]?.value[1] === "2",
      { what: "not both are scraped" },
    );
    const { data } = await ask("metadata");
    known = new Set(Object.keys(data));
  });
  let stop: () => Promise<void> = async () => {};
  afterAll(() => stop());

  it("has what the controller counts", async () => {
    await eventually(
      async () => JSON.stringify(await query('metallb_allocator_addresses_in_use_total{pool="first"}')),
      (text) => text.includes('"1"]'),
      { what: "the address in use is not there" },
    );
  });

  it("has the Services that wait, by the reason, and the alert on them is pending", async () => {
    await bench.create("wrong", { loadBalancerIP: "203.0.113.1" });
    await bench.create("twin", { loadBalancerIP: "203.0.113.2" });
    await eventually(
      async () => JSON.stringify(await query('metallb_allocator_services_waiting{reason="notInConfig"}')),
      (text) => text.includes('"2"]'),
      { what: "the Services that wait are not counted" },
    );
    await eventually(
      async () => JSON.stringify(await query('ALERTS{alertname="MetalLBServicesWaiting",alertstate="pending"}')),
      (text) => text.includes('"reason":"notInConfig"'),
      { what: "the alert is not pending" },
    );
  });

  it("takes the alerts, each on metrics that exist", async () => {
    const { data } = (await ask("rules")) as {
      data: { groups: readonly { rules: readonly { name: string; health: string; query: string }[] }[] };
    };
    const rules = data.groups.flatMap((group) => group.rules);
    expect(rules.map(({ name }) => name)).toEqual(ALERTS);
    for (const rule of rules)
      expect([rule.name, metricsIn(rule.query).filter((name) => !known.has(name))]).toEqual([rule.name, []]);
  });

  it.each(DASHBOARDS)("answers each query of the dashboard %s, on metrics that exist", async (dashboard) => {
    const queries = queriesOf(dashboard);
    expect(queries.length).toBeGreaterThan(7);
    for (const text of queries) {
      const { status, error } = await query(text);
      expect([text, status, error]).toEqual([text, "success", undefined]);
      expect([text, metricsIn(text).filter((name) => !known.has(name))]).toEqual([text, []]);
    }
  });
});

describeWith(["helm"], "the dashboards", () => {
  it("come as ConfigMaps for Grafana's sidecar where they are asked for, and are JSON", () => {
    const maps = (...sets: readonly string[]) =>
      rendered(...sets).filter(({ kind, metadata }) => kind === "ConfigMap" && metadata.name.includes("dashboard"));
    expect(maps()).toEqual([]);
    const made = maps("prometheus.grafanaDashboards.enabled=true");
    expect(made.map(({ metadata }) => metadata.name)).toEqual([
      "metallb-dashboard-operator",
      "metallb-dashboard-service",
    ]);
    for (const { metadata, data } of made) {
      expect(metadata.labels.grafana_dashboard).toBe("1");
      for (const text of Object.values(data ?? {})) expect(JSON.parse(text)).toMatchObject({ schemaVersion: 39 });
    }
  });
});
