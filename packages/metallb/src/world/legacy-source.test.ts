import { describe, expect, it } from "vitest";
import { decodeService, type Service } from "#api";
import { compile } from "#config";
import { formatIp, ip } from "#net";
import type { ConfigText } from "./config-text.ts";
import { LegacySource } from "./legacy-source.ts";
import { type Held, type Stores, WorldMachine } from "./machine.ts";

class Plain<T> extends Map<string, T> implements Held<T> {
  *by(): Generator<T> {
    yield* this.values();
  }
}

const POOL = "metallb.io/ip-allocated-from-pool";
const pools = (cidr: string, more = ""): string =>
  `address-pools:\n- name: My Pool\n  protocol: layer2\n  addresses: [${cidr}]\n${more}`;

/** The machine over a ConfigMap and Services that the test writes. */
class Era {
  readonly refused: string[] = [];
  private readonly maps = new Plain<ConfigText>();
  private readonly services = new Plain<Service>();
  private readonly machine: WorldMachine;

  constructor(isStrictAtStart: boolean) {
    const source = new LegacySource({
      name: "config",
      loadBalancerClass: "",
      isStrictAtStart,
      onRefused: (_, reason) => this.refused.push(reason),
    });
    this.machine = new WorldMachine({
      kinds: ["configmaps", "services"],
      stores: { configmaps: this.maps, services: this.services } as Partial<Stores>,
      source: source as never,
      compile,
    });
    for (const of of ["configmaps", "services"] as const) this.machine.step({ kind: "synced", of });
  }

  write(text: string | null): this {
    const key = "metallb-system/config";
    this.maps.set(key, { namespace: "metallb-system", name: "config", uid: "u", text });
    this.machine.step({ kind: "differ", of: "configmaps", keys: new Set([key]) });
    return this;
  }

  serve(name: string, ip: string | null, from: string | null = null): this {
    const service = decodeService({
      metadata: { name, namespace: "default", annotations: from === null ? {} : { [POOL]: from } },
      spec: { type: "LoadBalancer", clusterIPs: ["10.0.0.1"] },
      status: { loadBalancer: ip === null ? {} : { ingress: [{ ip }] } },
    });
    if (service === null) throw new Error("no Service");
    this.services.set(service.key, service);
    this.machine.step({ kind: "differ", of: "services", keys: new Set([service.key]) });
    return this;
  }

  /** What counts: each pool with its first address; null: nothing yet. And whether something is wrong. */
  look(): readonly [pools: readonly string[] | null, problems: number] {
    this.machine.take();
    const { config, problems } = this.machine;
    const all = config?.pools.map(
      ({ name, ranges }) => `${name} ${ranges[0] ? formatIp(ip(ranges[0].family, ranges[0].first)) : ""}`,
    );
    return [all ?? null, problems.length];
  }
}

describe("the ConfigMap of the first MetalLBs", () => {
  it("is the configuration, under the names that it has", () => {
    const era = new Era(true);
    expect(era.look()).toEqual([null, 1]);
    expect(era.write(pools("192.0.2.0/24")).look()).toEqual([["My Pool 192.0.2.0"], 0]);
    expect(era.refused).toEqual([]);
  });

  it.each([
    ["no YAML", "a: [1"],
    ["an unknown field", "address-pool: []"],
    ["no addresses", pools("")],
    ["addresses twice", pools("192.0.2.0/24, 192.0.2.0/25")],
    [
      "an unknown BFD profile",
      pools("192.0.2.0/24", "peers: [{my-asn: 1, peer-asn: 2, peer-address: 192.0.2.1, bfd-profile: x}]"),
    ],
    [
      "a wrong timer",
      pools("192.0.2.0/24", "peers: [{my-asn: 1, peer-asn: 2, peer-address: 192.0.2.1, hold-time: 1s}]"),
    ],
  ])("is refused as a whole for %s, told once, and the one before stays", (_, text) => {
    const era = new Era(true).write(pools("198.51.100.0/24"));
    era.look();
    const [counts, problems] = era.write(text).look();
    expect(counts).toEqual(["My Pool 198.51.100.0"]);
    expect(problems).toBeGreaterThan(0);
    era.write(text).look();
    expect(era.refused).toHaveLength(1);
    expect(era.write(pools("203.0.113.0/24")).look()).toEqual([["My Pool 203.0.113.0"], 0]);
  });

  it("is refused where a Service would lose its address, and taken as soon as it fits", () => {
    const era = new Era(true).write(pools("192.0.2.0/24"));
    era.look();
    era.serve("a", "192.0.2.0");
    expect(era.write(pools("192.0.2.0/24", "  avoid-buggy-ips: true")).look()).toEqual([["My Pool 192.0.2.0"], 1]);
    expect(era.write(pools("198.51.100.0/24")).look()).toEqual([["My Pool 192.0.2.0"], 1]);
    expect(era.refused.at(-1)).toBe(
      "address-pools: new config not compatible with assigned IPs: Service default/a has 192.0.2.0, which no pool would give",
    );
    expect(era.serve("a", "203.0.113.1").look()).toEqual([["My Pool 198.51.100.0"], 0]);
  });

  it("decides nothing at a controller's start where it would take an address away; a speaker takes it", () => {
    for (const isStrict of [true, false]) {
      const era = new Era(isStrict).serve("a", "192.0.2.0", "My Pool").write(pools("198.51.100.0/24"));
      expect(era.look()).toEqual(isStrict ? [null, 1] : [["My Pool 198.51.100.0"], 0]);
      expect(era.serve("a", null).look()).toEqual([["My Pool 198.51.100.0"], 0]);
    }
  });

  it("asks nothing of Services that somebody else serves, and stays when it is deleted or emptied", () => {
    const era = new Era(true).serve("foreign", "203.0.113.9").write(pools("192.0.2.0/24"));
    expect(era.look()).toEqual([["My Pool 192.0.2.0"], 0]);
    expect(era.write(null).look()).toEqual([["My Pool 192.0.2.0"], 1]);
  });
});
