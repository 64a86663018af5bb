import { afterAll, describe, expect, it } from "vitest";
import type { PoolUsage } from "#allocator";
import { createLogger } from "#process";
import { count, type PoolApi, PoolStatusWriter } from "./pool-status.ts";
import type { Json } from "./ports.ts";

const stop = new AbortController();
afterAll(() => stop.abort());

const usage = (used: number, total = 256n): PoolUsage => ({
  pool: "p",
  ipv4: { total, used },
  ipv6: { total: 1n << 65n, used: 0 },
});

describe("the counters of a pool", () => {
  it("saturate and are never negative, and read as int64", () => {
    expect([count(-1n), count(256n)]).toEqual([0, 256]);
    const large = BigInt(JSON.stringify(count(1n << 65n)));
    expect(large > 1n << 62n && large < 1n << 63n).toBe(true);
  });

  it("are written once for a burst, and not at all when they say so already", async () => {
    let object: Json = { metadata: { name: "p" }, spec: {} };
    const written: unknown[] = [];
    const api: PoolApi = {
      read: async () => object,
      writeStatus: async (_, next) => {
        object = next;
        written.push(next.status);
        return { kind: "written", object: next };
      },
    };
    const writer = new PoolStatusWriter(api, createLogger("none"), stop.signal);
    for (let used = 1; used <= 20; used++) writer.publish([usage(used)]);
    await expect.poll(() => written.length).toBe(1);
    expect(written[0]).toEqual({
      assignedIPv4: 20,
      assignedIPv6: 0,
      availableIPv4: 236,
      availableIPv6: count(1n << 65n),
    });
    const restarted = new PoolStatusWriter(api, createLogger("none"), stop.signal);
    restarted.publish([usage(20)]);
    writer.publish([usage(20)]);
    writer.publish([usage(19)]);
    await expect.poll(() => written.length).toBe(2);
    expect(object.status).toMatchObject({ assignedIPv4: 19, availableIPv4: 237 });
  });
});
