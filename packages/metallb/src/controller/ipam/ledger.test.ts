import { describe, expect, it } from "vitest";
import { Allocator } from "#allocator";
import { sampleService } from "#api/testing";

import { samplePool } from "#config/testing";
import { formatIp, type Instant, type Ip, parseIp } from "#net";
import type { WatchedService } from "../watched-service.ts";
import { Ledger, type Work } from "./ledger.ts";

const ipOf = (text: string): Ip => {
  const address = parseIp(text);
  if (!address.ok) throw new Error(text);
  return address.value;
};
const named = (name: string, rest: Partial<WatchedService> = {}): WatchedService =>
  sampleService(name, { selector: { app: name }, uid: `uid-${name}`, ...rest });
const holds = (...ips: readonly string[]) => ({
  ingress: ips.map((ip) => ({ ip, hostname: null, ipMode: "VIP" as const })),
});
const sharing = { annotations: { "metallb.io/allow-shared-ip": "k" } };
const web = (port: number) => ({ ports: [{ protocol: "TCP", port }] });

/** An allocator with an IPAM that answers what a test says. */
class Scene {
  readonly services = new Map<string, WatchedService>();
  readonly pending = new Set<string>();
  readonly ledger: Ledger = new Ledger(() => ({
    services: this.services,
    index: this.allocator.index,
    mayShow: (address) => this.pending.has(address),
  }));
  readonly allocator = new Allocator("", this.ledger);
  readonly pools = [
    samplePool("p", ["10.0.0.0/29"], { terms: { reserved: new Map(), quotas: new Map(), ipam: "r", keepFor: 0 } }),
  ];
  now: Instant = 0;
  private started = false;

  constructor() {
    this.ledger.listed([], this.ledger.listBegins());
  }

  turn(...keys: readonly string[]): ReadonlySet<string> {
    const changes = { services: keys, pools: !this.started };
    this.started = true;
    return this.ledger.observe(
      keys,
      this.allocator.decide({ services: this.services, pools: this.pools }, changes, this.now),
    );
  }

  put(...services: readonly WatchedService[]): ReadonlySet<string> {
    for (const each of services) this.services.set(each.key, each);
    return this.turn(...services.map(({ key }) => key));
  }

  remove(key: string): ReadonlySet<string> {
    this.services.delete(key);
    return this.turn(key);
  }

  /** What is to be done next, in a word. */
  next(name: string): string {
    const work = this.ledger.next(`uid-${name}`, this.now);
    return work === null ? "" : textOf(work);
  }

  /** The IPAM gives what the Service asks for. */
  give(name: string, address: string): void {
    const work = this.ledger.next(`uid-${name}`, this.now);
    if (work?.kind === "release" || !work) throw new Error("nothing is asked");
    this.ledger.given(work.owner, work.ask, ipOf(address), this.now);
    this.turn(`default/${name}`);
    const outcome = this.allocator.outcomes.get(`default/${name}`);
    const shown = outcome?.kind === "allocated" ? outcome.ips.map(formatIp) : [];
    const before = this.services.get(`default/${name}`);
    if (before) this.put({ ...before, ...holds(...shown) });
  }

  ips(name: string): readonly string[] {
    const outcome = this.allocator.outcomes.get(`default/${name}`);
    return outcome?.kind === "allocated" ? outcome.ips.map(formatIp) : [];
  }
}

const textOf = (work: Work): string =>
  work.kind === "release"
    ? `release ${formatIp(work.allocation.address)}`
    : `${work.kind} ${work.ask.wanted === null ? "any" : formatIp(work.ask.wanted)}`;

describe("the ledger of an IPAM", () => {
  it("asks once, and releases what the Service had when it is gone", () => {
    const scene = new Scene();
    expect([...scene.put(named("a"))]).toEqual(["uid-a"]);
    expect(scene.next("a")).toBe("ask any");
    scene.give("a", "10.0.0.3");
    expect(scene.ips("a")).toEqual(["10.0.0.3"]);
    expect(scene.next("a")).toBe("");
    expect([...scene.remove("default/a")]).toEqual(["uid-a"]);
    expect(scene.next("a")).toBe("release 10.0.0.3");
  });

  it("does not ask again between the answer and the turn that decides on it", () => {
    const scene = new Scene();
    scene.put(named("a"));
    const work = scene.ledger.next("uid-a", 0);
    if (work?.kind !== "ask") throw new Error("nothing is asked");
    scene.ledger.given(work.owner, work.ask, ipOf("10.0.0.3"), 0);
    expect(scene.next("a")).toBe("");
  });

  it("keeps an address as long as anybody who shares it has it", () => {
    const scene = new Scene();
    scene.put(named("a", { ...sharing, ...web(80) }));
    scene.give("a", "10.0.0.3");
    scene.put(named("b", { ...sharing, ...web(81) }));
    expect(scene.ips("b")).toEqual(["10.0.0.3"]);
    expect(scene.next("b")).toBe("");
    scene.remove("default/a");
    expect(scene.next("a")).toBe("");
    scene.remove("default/b");
    expect(scene.next("a")).toBe("release 10.0.0.3");
  });

  it("waits for the status, and for a write that is on its way, before it releases", () => {
    const scene = new Scene();
    scene.put(named("a"));
    scene.give("a", "10.0.0.3");
    const wish = { annotations: { "metallb.io/loadBalancerIPs": "10.0.0.5" } };
    scene.put(named("a", { ...wish, ...holds("10.0.0.3") }));
    expect(scene.ips("a")).toEqual(["10.0.0.3"]);
    const work = scene.ledger.next("uid-a", 0);
    if (work?.kind !== "ask") throw new Error("nothing is asked");
    scene.ledger.given(work.owner, work.ask, ipOf("10.0.0.5"), 0);
    scene.turn("default/a");
    expect(scene.ips("a")).toEqual(["10.0.0.5"]);
    expect(scene.next("a")).toBe("");
    scene.pending.add("10.0.0.3");
    scene.put(named("a", { ...wish, ...holds("10.0.0.5") }));
    expect(scene.next("a")).toBe("");
    scene.pending.delete("10.0.0.3");
    expect([...scene.ledger.recheck()]).toContain("uid-a");
    expect(scene.next("a")).toBe("release 10.0.0.3");
  });

  it("believes its own answers rather than a list that was begun before them", () => {
    const scene = new Scene();
    scene.put(named("a"));
    const round = scene.ledger.listBegins();
    scene.give("a", "10.0.0.3");
    scene.ledger.listed([], round);
    expect(scene.next("a")).toBe("");
    scene.ledger.listed([], scene.ledger.listBegins());
    scene.ledger.sweep();
    expect(scene.next("a")).toBe("adopt 10.0.0.3");
  });

  it("gives nobody an address of which a release is under way, and asks for it when that is done", () => {
    const scene = new Scene();
    scene.put(named("a"));
    scene.give("a", "10.0.0.3");
    const before = scene.services.get("default/a") as WatchedService;
    scene.remove("default/a");
    const work = scene.ledger.next("uid-a", 0);
    if (work?.kind !== "release") throw new Error("nothing is released");
    scene.ledger.releasesBegin(work.allocation);
    scene.put({ ...before, ingress: [] });
    expect(scene.ips("a")).toEqual([]);
    scene.ledger.released(work.allocation, true);
    expect(scene.next("a")).toBe("ask any");
  });

  it("lets one ask where a range is full, and all when there is room again", () => {
    const scene = new Scene();
    scene.put(named("a", { creationTimestamp: "2026-01-01T00:00:00Z" }), named("b"), named("c"));
    const work = scene.ledger.next("uid-a", 0);
    if (work?.kind !== "ask") throw new Error("nothing is asked");
    scene.ledger.refused(work.owner, work.ask, "full", true, 0);
    for (const name of ["a", "b", "c"]) expect(scene.next(name)).toBe("");
    scene.put(named("d"));
    expect(scene.allocator.outcomes.get("default/d")).toMatchObject({
      kind: "refused",
      refusal: { code: "exhausted" },
    });
    scene.now = 30_001;
    expect(["b", "c", "a"].map((name) => scene.next(name))).toEqual(["ask any", "", ""]);
    scene.now = 70_000;
    scene.give("a", "10.0.0.3");
    expect(["b", "c", "d"].map((name) => scene.next(name))).toEqual(["ask any", "ask any", "ask any"]);
  });
});
