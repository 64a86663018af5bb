import { describe, expect, it } from "vitest";
import { ApiError } from "#kube";
import type { AddressReport } from "#neighbor";
import { parseIp, parseMac, type Result } from "#net";
import type { Layer2Verdict } from "#planner";
import { service } from "#planner/testing";
import type { Logger } from "#process";
import { ConflictConditions } from "./conflict-conditions.ts";
import type { Dated } from "./dated.ts";
import { Layer2Conflicts } from "./layer2-conflicts.ts";
import { SPEAKER_OVERRIDES, type SpeakerService } from "./watched-service.ts";

const must = <T>(result: Result<T>): T => {
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

const KEY = "default/web";
const CLAIM = 'the host 02:00:00:00:00:07 on interface eth0 claims address 192.0.2.1, which node "n1" announces';

/** A speaker on n1 whose API is a map. */
function open(every = 0, refused: number | null = null) {
  const services = new Map<string, SpeakerService>([[KEY, { ...service("web"), key: KEY }]]);
  const writes: string[] = [];
  const troubles: string[] = [];
  const events: string[] = [];
  const apply = async (_: unknown, where: { readonly name?: string }, object: unknown) => {
    const [condition] =
      (object as { status: { conditions?: { reason: string; message: string }[] } }).status.conditions ?? [];
    writes.push(`${where.name} ${condition ? `${condition.reason}: ${condition.message}` : "none"}`);
    if (refused !== null) throw new ApiError(refused, "Forbidden", "no");
    const { conflict: _before, ...plain } = services.get(KEY) as SpeakerService;
    services.set(KEY, condition ? { ...plain, conflict: condition.message } : plain);
    return {};
  };
  const conditions = new ConflictConditions({
    client: { apply },
    service: (key) => services.get(key),
    trouble: (message) => void troubles.push(message),
    every,
  });
  const silent = () => {};
  const log: Logger = { debug: silent, info: silent, warn: silent, error: silent, with: () => log };
  const conflicts = new Layer2Conflicts({
    node: "n1",
    recorder: { event: (_, type, reason) => void events.push(`${type} ${reason}`) },
    conditions,
    services: () => services,
    holdersOf: () => [KEY],
    log,
  });
  const announced: Layer2Verdict = { announced: true, ips: ["192.0.2.1"], interfaces: null, leftOut: [] };
  const tell = (verdict: Layer2Verdict = announced) => conflicts.tell(KEY, verdict);
  const report = (state: AddressReport["state"], mac: string | null) =>
    conflicts.take({
      address: must(parseIp("192.0.2.1")),
      state,
      since: 0,
      foreign: mac === null ? null : { mac: must(parseMac(mac)), interface: "eth0" },
    } as unknown as Dated<AddressReport>);
  const written = (count: number) => expect.poll(() => writes).toHaveLength(count);
  return { services, writes, troubles, events, conditions, tell, report, written };
}

describe("a foreign host", () => {
  it("is told by one event and one condition, which goes with the conflict", async () => {
    const { writes, events, tell, report, written } = open();
    tell();
    report("announced", "02:00:00:00:00:07");
    report("announced", "02:00:00:00:00:07");
    await written(1);
    tell();
    expect(writes).toEqual([`web AddressClaimed: ${CLAIM}`]);
    expect(events).toEqual(["Warning addressConflict"]);
    report("announced", null);
    await written(2);
    expect(writes[1]).toBe("web none");
  });

  it("that has the address before its first use is told as such", async () => {
    const { writes, tell, report, written } = open();
    tell();
    report("conflict", "02:00:00:00:00:07");
    await written(1);
    expect(writes[0]).toBe(
      "web AddressInUse: address 192.0.2.1 is not announced: the host 02:00:00:00:00:07 on interface eth0 has it",
    );
  });

  it("is left to another node that takes the Service over, and to nobody when the Service is announced no more", async () => {
    const { services, writes, tell, report, written } = open();
    tell();
    report("announced", "02:00:00:00:00:07");
    await written(1);
    tell({ announced: false, reason: "ownedByOther", facts: { owner: "n2" } });
    expect(services.get(KEY)?.conflict).toBe(CLAIM);
    tell();
    tell({ announced: false, reason: "noEndpoints", facts: {} });
    await written(2);
    expect(writes[1]).toBe("web none");
  });

  it("takes a condition of another node away when the conflict is over", async () => {
    const { services, tell, written } = open();
    services.set(KEY, { ...(services.get(KEY) as SpeakerService), conflict: "of another node" });
    tell();
    await written(1);
  });

  it("whose condition a speaker left behind that ended is forgotten when nobody announces the Service", async () => {
    const { services, writes, tell, written } = open();
    const stale = { ...(services.get(KEY) as SpeakerService), conflict: "of one that ended" };
    services.set(KEY, stale);
    tell({ announced: false, reason: "noLocalEndpoints", facts: {} });
    tell({ announced: false, reason: "noL2Advertisement", facts: {} });
    await written(1);
    expect(writes).toEqual(["web none"]);
    services.set(KEY, stale);
    tell({ announced: false, reason: "noL2Advertisement", facts: {} });
    tell({ announced: false, reason: "ownedByOther", facts: { owner: "n2" } });
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(writes).toEqual(["web none"]);
  });

  it("that changes its MAC address over and over is written now and then", async () => {
    const { writes, conditions, tell, report, written } = open(60_000);
    tell();
    for (let i = 0; i < 50; i += 1) report("announced", `02:00:00:00:01:${i.toString(16).padStart(2, "0")}`);
    await written(1);
    for (let i = 0; i < 50; i += 1) report("announced", `02:00:00:00:02:${i.toString(16).padStart(2, "0")}`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(writes).toHaveLength(1);
    await conditions.stop();
  });

  it("is told as trouble, once a conflict, where the speaker may not write", async () => {
    const { writes, troubles, tell, report, written } = open(0, 403);
    tell();
    report("announced", "02:00:00:00:00:07");
    await written(1);
    await expect.poll(() => troubles).toHaveLength(1);
    expect(writes).toHaveLength(1);
  });
});

it("the speaker sees the condition of a Service, and a change of it", () => {
  const object = (conditions: unknown) => ({
    metadata: { namespace: "default", name: "web", uid: "1", resourceVersion: "1" },
    spec: { type: "LoadBalancer" },
    status: { conditions },
  });
  const project = SPEAKER_OVERRIDES.services?.project;
  expect(project?.(object([{ type: "metallb.io/AddressConflict", message: "m" }]))).toMatchObject({ conflict: "m" });
  for (const none of [undefined, [], 7, [{ type: "other" }]])
    expect(project?.(object(none))).not.toHaveProperty("conflict");
});
