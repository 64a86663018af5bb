import { afterEach, describe, expect, it } from "vitest";
import type { PoolUsage } from "#allocator";
import { createLogger } from "#process";
import { count, type PoolApi, PoolStatusWriter } from "./pool-status.ts";
import type { Json } from "./ports.ts";

const writers: PoolStatusWriter[] = [];
afterEach(() => Promise.all(writers.splice(0).map((writer) => writer.stop())));

function make(api: PoolApi, mayWrite: () => boolean = () => true): PoolStatusWriter {
  const writer = new PoolStatusWriter(api, createLogger("none"), { mayWrite });
  writers.push(writer);
  return writer;
}

const usage = (used: number, total = 256n): PoolUsage => ({
  pool: "p",
  ipv4: { total, used },
  ipv6: { total: 1n << 65n, used: 0 },
});

describe("the counters of a pool", () => {
  it("saturate and are never negative", () => {
    expect([count(-1n), count(256n), count(1n << 65n)]).toEqual([0, 256, 2 ** 63]);
  });

  it("are written once for a burst, and not at all when they say so already", async () => {
    let object: Json = { metadata: { name: "p" }, spec: {} };
    const written: unknown[] = [];
    const texts: string[] = [];
    const api: PoolApi = {
      read: async () => object,
      writeStatus: async (_, next) => {
        // As the API server does: what comes is text, and is read as int64.
        texts.push(JSON.stringify(next.status));
        object = JSON.parse(JSON.stringify(next)) as Json;
        written.push(object.status);
        return { kind: "written", object: next };
      },
    };
    const writer = make(api);
    for (let used = 1; used <= 20; used++) writer.publish([usage(used)]);
    await expect.poll(() => written.length).toBe(1);
    expect(written[0]).toEqual({
      assignedIPv4: 20,
      assignedIPv6: 0,
      availableIPv4: 236,
      availableIPv6: count(1n << 65n),
    });
    expect(texts[0]).toContain('"availableIPv6":9223372036854775807');
    const restarted = make(api);
    restarted.publish([usage(20)]);
    writer.publish([usage(20)]);
    writer.publish([usage(19)]);
    await expect.poll(() => written.length).toBe(2);
    expect(object.status).toMatchObject({ assignedIPv4: 19, availableIPv4: 237 });
  });

  it("make the capacity together also where it does not fit", async () => {
    const texts: string[] = [];
    const writer = make({
      read: async () => ({ metadata: { name: "p" }, spec: {} }),
      writeStatus: async (_, next) => {
        texts.push(JSON.stringify(next.status));
        return { kind: "written", object: next };
      },
    });
    writer.publish([{ ...usage(1), ipv6: { total: 1n << 64n, used: 2 } }]);
    await expect.poll(() => texts.length).toBe(1);
    expect(texts[0]).toMatch(/"assignedIPv6":2,.*"availableIPv6":9223372036854775805/);
  });

  it("are written after a failure without waiting for another allocation, and again when somebody changed them", async () => {
    let object: Json = { metadata: { name: "p" }, status: {} };
    const results: ("throws" | "conflict" | "written")[] = ["throws", "conflict", "written", "written"];
    let tries = 0;
    const writer = make({
      read: async () => object,
      writeStatus: async (_, next) => {
        const result = results[tries++];
        if (result === "throws") throw new Error("503");
        if (result === "conflict") return { kind: "conflict" };
        object = next;
        return { kind: "written", object: next };
      },
    });
    writer.publish([usage(3)]);
    await expect.poll(() => tries, { timeout: 5_000 }).toBe(3);
    object = { ...object, status: { assignedIPv4: 99 } };
    writer.recheck("p");
    await expect.poll(() => tries).toBe(4);
    expect(object.status).toMatchObject({ assignedIPv4: 3 });
  });

  it("are not written without the lead, and not after it", async () => {
    let [leading, writes] = [false, 0];
    const writer = make(
      {
        read: async () => ({ metadata: { name: "p" } }),
        writeStatus: async (_, object) => {
          writes++;
          return { kind: "written", object };
        },
      },
      () => leading,
    );
    writer.publish([usage(1)]);
    await writer.drain(10);
    expect(writes).toBe(0);
    leading = true;
    writer.publish([usage(2)]);
    await writer.drain(10);
    expect(writes).toBe(0);
  });
});
