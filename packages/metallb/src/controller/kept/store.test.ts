import { afterEach, describe, expect, it, vi } from "vitest";
import type { KeptRecord } from "#allocator";
import { ApiError } from "#kube";
import { parseIp } from "#net";
import { createLogger } from "#process";
import type { Json } from "../ports.ts";
import { keptData, keptLine, readKept } from "./record.ts";
import { KEPT_ADDRESSES, type KeptApi, KeptStore } from "./store.ts";

const clocks = { instant: 1_000, timestamp: Date.parse("2026-01-01T00:00:00Z") };
const record = (key: string, until: number, ...texts: readonly string[]): KeptRecord => ({
  key,
  ips: texts.map((text) => {
    const address = parseIp(text);
    if (!address.ok) throw new Error(text);
    return address.value;
  }),
  pool: "p",
  group: null,
  ports: ["TCP/80"],
  until,
});
const shared = { ...record("n/a", 61_000, "192.0.2.1", "2001:db8::1"), group: '["k",""]' };

describe("a line of what is kept", () => {
  it("tells people addresses, pool and end, and who shares also with whom; and is read as it was written", () => {
    const line = keptLine(record("n/a", 60_500, "192.0.2.1"), clocks);
    expect(JSON.parse(line)).toEqual({ addresses: ["192.0.2.1"], pool: "p", until: "2026-01-01T00:01:00Z" });
    const data = { "n.a": keptLine(shared, clocks) };
    expect(readKept(data, clocks)).toEqual({ records: [shared], broken: [] });
    // By another process later on, with a clock of its own.
    const later = { instant: 5, timestamp: clocks.timestamp + 20_000 };
    expect(readKept(data, later).records[0]?.until).toBe(40_005);
  });

  it.each([
    ["no JSON", "{"],
    ["no object", "[1]"],
    ["no text", 7],
    ["no address", '{"addresses":[],"pool":"p","until":"2026-01-01T00:00:00Z"}'],
    ["a wrong one", '{"addresses":["192.0.2.300"],"pool":"p","until":"2026-01-01T00:00:00Z"}'],
    ["two of one family", '{"addresses":["192.0.2.1","192.0.2.2"],"pool":"p","until":"2026-01-01T00:00:00Z"}'],
    ["no pool", '{"addresses":["192.0.2.1"],"until":"2026-01-01T00:00:00Z"}'],
    ["no time", '{"addresses":["192.0.2.1"],"pool":"p","until":"soon"}'],
    ["wrong sharing", '{"addresses":["192.0.2.1"],"pool":"p","until":"2026-01-01T00:00:00Z","sharing":{"group":1}}'],
    ["too much", `{"pool":"${"p".repeat(5_000)}"}`],
  ])("is left out where it is wrong: %s", (_, line) => {
    expect(readKept({ "n.a": line, ".a": "{}", "n.b": keptLine(shared, clocks) }, clocks)).toEqual({
      records: [{ ...shared, key: "n/b" }],
      broken: ["n.a", ".a"],
    });
  });

  it.each([null, undefined, 1, "x", []])("is none where there are no data: %s", (data) => {
    expect(readKept(data, clocks)).toEqual({ records: [], broken: [] });
  });
});

it("as many as an object may hold are written down, those that end last first", () => {
  const line = "x".repeat(1_000);
  const { data, left, size } = keptData(Array.from({ length: 1_000 }, (_, i) => [`n/s${i}`, i, line]));
  expect([left > 90, size <= 900_000, data["n.s999"] === line, "n.s0" in data]).toEqual([true, true, true, false]);
  expect(Object.keys(data).length + left).toBe(1_000);
});

/** An object in an API, and who may write it. */
class Scene {
  object: Json | null = null;
  refusal: ApiError | null = null;
  readonly asked: string[] = [];
  readonly recalled: KeptRecord[] = [];
  readonly kept = {
    version: 0,
    all: [] as KeptRecord[],
    records: () => this.kept.all,
    recall: (records: readonly KeptRecord[]) => void this.recalled.push(...records),
  };
  readonly output: string[] = [];
  leads = true;
  private readonly api: KeptApi = {
    read: async () => {
      this.ask("read");
      return this.object;
    },
    make: async (data) => {
      this.ask("make");
      this.object = { metadata: { name: KEPT_ADDRESSES }, data };
    },
    write: async (object) => {
      this.ask("write");
      this.object = object;
      return { kind: "written", object };
    },
  };
  readonly store = new KeptStore({
    api: this.api,
    kept: this.kept,
    mayWrite: () => this.leads,
    log: { ...createLogger("none"), warn: (message: string) => void this.output.push(message) } as never,
    clocks: { now: () => clocks.instant, timestamp: () => clocks.timestamp },
  });

  keep(...records: readonly KeptRecord[]): void {
    this.kept.all = [...records];
    this.kept.version++;
    this.store.publish();
  }

  get names(): readonly string[] {
    return Object.keys((this.object?.data ?? {}) as object);
  }

  private ask(what: string): void {
    this.asked.push(what);
    if (this.refusal) throw this.refusal;
  }
}

describe("the store of what is kept", () => {
  const scenes: Scene[] = [];
  const scene = () => {
    const made = new Scene();
    scenes.push(made);
    return made;
  };
  afterEach(() => Promise.all(scenes.splice(0).map(({ store }) => store.stop())));

  it("asks nothing while nothing is kept, makes the object for the first, and writes a burst once", async () => {
    const s = scene();
    s.store.publish();
    s.keep();
    for (let i = 0; i < 20; i++) s.keep(record("n/a", 60_000, "192.0.2.1"), record(`n/b${i}`, 60_000, "192.0.2.2"));
    await expect.poll(() => s.names).toEqual(["n.a", "n.b19"]);
    expect(s.asked).toEqual(["read", "make"]);
    s.keep(record("n/a", 60_000, "192.0.2.1"));
    await expect.poll(() => s.names).toEqual(["n.a"]);
    expect(s.asked).toEqual(["read", "make", "read", "write"]);
  });

  it("says of a missing right once what it takes, and goes on without", async () => {
    const s = scene();
    s.refusal = new ApiError(403, "Forbidden", "forbidden");
    await s.store.recall(new AbortController().signal);
    s.keep(record("n/a", 60_000, "192.0.2.1"));
    expect(await s.store.drain(1_000)).toBe(true);
    expect([s.recalled, s.asked, s.output.length]).toEqual([[], ["read"], 1]);
    expect(s.output[0]).toContain("get, create and update on the ConfigMap metallb-kept-addresses");
  });

  it("waits for an API that fails, and recalls what can be read", async () => {
    const s = scene();
    s.refusal = new ApiError(500, "", "broken", 1);
    s.object = { data: { "n.a": keptLine(shared, clocks), "n.b": "?" }, metadata: { labels: { mine: "x" } } };
    const recalled = s.store.recall(new AbortController().signal);
    await expect.poll(() => s.asked.length).toBeGreaterThan(1);
    s.refusal = null;
    await recalled;
    expect([s.recalled, s.output.length]).toEqual([[shared], 1]);
    // What is kept of it is the same, and the wrong line goes, but nothing else of the object.
    s.kept.all = [shared];
    s.store.publish();
    await expect.poll(() => s.names).toEqual(["n.a"]);
    expect(s.object?.metadata).toEqual({ labels: { mine: "x" } });
  });

  it("puts right within a minute what somebody made of the object", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const s = scene();
      s.keep(record("n/a", 60_000, "192.0.2.1"));
      await expect.poll(() => s.names).toEqual(["n.a"]);
      s.object = null;
      await vi.advanceTimersByTimeAsync(60_000);
      await expect.poll(() => s.names).toEqual(["n.a"]);
      const asked = s.asked.length;
      await vi.advanceTimersByTimeAsync(60_000);
      await expect.poll(() => s.asked.slice(asked)).toEqual(["read"]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("writes nothing any more when the lead is gone, and what is due before it is handed over", async () => {
    const s = scene();
    s.keep(record("n/a", 60_000, "192.0.2.1"));
    expect(await s.store.drain(1_000)).toBe(true);
    expect(s.names).toEqual(["n.a"]);
    const lost = scene();
    lost.leads = false;
    lost.keep(record("n/a", 60_000, "192.0.2.1"));
    await lost.store.drain(50);
    expect(lost.object).toBeNull();
  });
});
