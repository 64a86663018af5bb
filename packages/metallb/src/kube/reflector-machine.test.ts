import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ReflectorEffect, type ReflectorEvent, ReflectorMachine } from "./reflector-machine.ts";

const kinds = (effects: readonly ReflectorEffect[]): string[] => effects.map(({ kind }) => kind);
const object = (name: string, resourceVersion: string) => ({ metadata: { name, resourceVersion } });
const page = (items: unknown[], resourceVersion: string, continueToken = ""): ReflectorEvent => ({
  kind: "page",
  items,
  resourceVersion,
  continueToken,
});

function watching(): ReflectorMachine {
  const machine = new ReflectorMachine(() => 0);
  machine.step({ kind: "start" }, 0);
  machine.step(page([], "5"), 0);
  return machine;
}

describe("the watch loop", () => {
  it("lists page by page, swaps once, and watches from where the list was", () => {
    const machine = new ReflectorMachine(() => 0);
    expect(kinds(machine.step({ kind: "start" }, 0))).toEqual(["wake", "gather", "list"]);
    expect(machine.step(page([1], "5", "next"), 0)).toEqual([
      { kind: "gathered", items: [1] },
      { kind: "list", continueToken: "next", limit: 500 },
    ]);
    expect(machine.step(page([2], "5"), 0)).toMatchObject([
      { kind: "gathered" },
      { kind: "swap" },
      { kind: "watch", resourceVersion: "5", timeoutSeconds: 40 },
      { kind: "wake" },
    ]);
  });

  it("goes on from the last version that it heard, bookmarks included", () => {
    const machine = watching();
    expect(kinds(machine.step({ kind: "watch-line", type: "ADDED", object: object("a", "6") }, 1))).toEqual(["put"]);
    expect(kinds(machine.step({ kind: "watch-line", type: "DELETED", object: object("a", "7") }, 1))).toEqual([
      "delete",
    ]);
    machine.step({ kind: "watch-line", type: "BOOKMARK", object: object("", "9") }, 1);
    const effects = machine.step({ kind: "watch-ended", status: 0, message: "", retryAfter: null }, 300_000);
    expect(effects).toContainEqual(expect.objectContaining({ kind: "watch", resourceVersion: "9" }));
  });

  it.each([
    ["an ERROR line 410", { kind: "watch-line", type: "ERROR", object: { code: 410 } }],
    ["an answer 410", { kind: "watch-ended", status: 410, message: "Expired", retryAfter: null }],
  ] as const)("lists again at once after %s", (_, event) => {
    expect(kinds(watching().step(event, 1))).toContain("list");
  });

  it("pauses when a watch ends at once, and when 410 comes again and again", () => {
    const ended: ReflectorEvent = { kind: "watch-ended", status: 0, message: "", retryAfter: null };
    expect(kinds(watching().step(ended, 10))).toEqual(["trouble", "wake"]);
    const machine = watching();
    const expired: ReflectorEvent = { kind: "watch-line", type: "ERROR", object: { code: 410 } };
    expect(kinds(machine.step(expired, 1))).toContain("list");
    machine.step(page([], "6"), 2);
    expect(kinds(machine.step(expired, 3))).toEqual(["abort", "trouble", "wake"]);
    machine.step({ kind: "time" }, 10_000);
    machine.step(page([], "7"), 10_001);
    machine.step({ kind: "watch-line", type: "ADDED", object: object("a", "8") }, 10_002);
    expect(kinds(machine.step(expired, 10_003))).toContain("list");
  });

  it("waits before it lists again when the list itself is refused, longer each time and as long as it is told", () => {
    const machine = new ReflectorMachine(() => 1);
    machine.step({ kind: "start" }, 0);
    const waits: number[] = [];
    for (const retryAfter of [null, null, null, 90_000]) {
      const effects = machine.step(
        { kind: "list-failed", status: 410, reason: "Expired", message: "Expired", retryAfter },
        0,
      );
      const wake = effects.find((effect) => effect.kind === "wake");
      waits.push(wake?.at ?? Number.NaN);
      expect(machine.step({ kind: "time" }, (wake?.at ?? 0) - 1)).toEqual([wake]);
      expect(kinds(machine.step({ kind: "time" }, wake?.at ?? 0))).toContain("list");
    }
    expect(waits).toEqual([500, 1000, 2000, 90_000]);
  });

  it("takes a watch that does not end in its time for half open within 55 s, whatever came before, and watches anew", () => {
    for (const random of [0, 0.5, 1]) {
      const machine = new ReflectorMachine(() => random);
      machine.step({ kind: "start" }, 0);
      const [, , watch] = machine.step(page([], "5"), 0);
      const ends = (watch as { timeoutSeconds: number }).timeoutSeconds * 1000;
      expect(ends).toBeGreaterThanOrEqual(40_000);
      expect(machine.step({ kind: "watch-opened" }, 200)).toEqual([{ kind: "wake", at: ends + 10_200 }]);
      expect(ends + 10_000).toBeLessThanOrEqual(55_000);
      // The last line, and then nothing any more, neither a line nor the end.
      machine.step({ kind: "watch-line", type: "BOOKMARK", object: object("", "6") }, ends);
      expect(kinds(machine.step({ kind: "time" }, ends + 10_200))).toEqual([
        "abort",
        "trouble",
        "silent",
        "watch",
        "wake",
      ]);
      // The one after it is not even answered.
      expect(kinds(machine.step({ kind: "time" }, 2 * (ends + 10_200)))).toContain("abort");
    }
  });

  it("goes on without trouble and without a list where a server ends each watch in its time, or sends and does not end it", () => {
    const machine = watching();
    let now = 0;
    for (let round = 6; round < 20; round++) {
      machine.step({ kind: "watch-opened" }, now);
      machine.step({ kind: "watch-line", type: "BOOKMARK", object: object("", `${round}`) }, now + 38_000);
      now += 40_000;
      const effects = machine.step({ kind: "watch-ended", status: 0, message: "", retryAfter: null }, now);
      expect(kinds(effects)).toEqual(["watch", "wake"]);
      expect(effects[0]).toMatchObject({ resourceVersion: `${round}`, timeoutSeconds: 40 });
    }
    machine.step({ kind: "watch-line", type: "ADDED", object: object("a", "21") }, now + 45_000);
    const effects = machine.step({ kind: "time" }, now + 50_000);
    expect(kinds(effects)).toEqual(["abort", "watch", "wake"]);
    expect(effects[1]).toMatchObject({ resourceVersion: "21" });
  });

  it("watches anew from where it was when another was found dead, unless it brought something just now", () => {
    const machine = watching();
    machine.step({ kind: "watch-line", type: "ADDED", object: object("a", "7") }, 10_000);
    expect(machine.step({ kind: "suspect" }, 14_999)).toEqual([]);
    const [abort, watch, ...rest] = machine.step({ kind: "suspect" }, 15_000);
    expect([abort, watch, kinds(rest)]).toEqual([
      { kind: "abort" },
      { kind: "watch", resourceVersion: "7", timeoutSeconds: 40 },
      ["wake"],
    ]);
    expect(machine.step({ kind: "suspect" }, 15_001)).toEqual([]);
    const listing = new ReflectorMachine(() => 0);
    expect(listing.step({ kind: "suspect" }, 1e6)).toEqual([]);
    listing.step({ kind: "start" }, 0);
    expect(listing.step({ kind: "suspect" }, 1e6)).toEqual([]);
  });

  it("asks for half of a page that is too large, down to one object, and for more again later", () => {
    const machine = new ReflectorMachine(() => 0);
    machine.step({ kind: "start" }, 0);
    machine.step(page([1], "5", "next"), 0);
    const tooLarge: ReflectorEvent = {
      kind: "list-failed",
      status: 0,
      reason: "TooLarge",
      message: "",
      retryAfter: null,
    };
    expect(machine.step(tooLarge, 0)).toEqual([{ kind: "list", continueToken: "next", limit: 250 }]);
    for (let i = 0; i < 7; i++) machine.step(tooLarge, 0);
    expect(kinds(machine.step(tooLarge, 0))).toEqual(["trouble", "wake"]);
    expect(machine.step({ kind: "time" }, 10_000)).toContainEqual({ kind: "list", continueToken: "", limit: 1 });
    machine.step(page([1], "5"), 10_000);
    const expired: ReflectorEvent = { kind: "watch-line", type: "ERROR", object: { code: 410 } };
    machine.step({ kind: "watch-line", type: "ADDED", object: object("a", "6") }, 10_000);
    expect(machine.step(expired, 10_001)).toContainEqual({ kind: "list", continueToken: "", limit: 2 });
  });

  it("tells when what was in trouble goes well again", () => {
    const machine = watching();
    expect(kinds(machine.step({ kind: "watch-opened" }, 0))).toEqual(["wake"]);
    const refused: ReflectorEvent = { kind: "watch-ended", status: 403, message: "forbidden", retryAfter: null };
    expect(machine.step(refused, 1)).toContainEqual({
      kind: "trouble",
      status: 403,
      verb: "watch",
      message: "forbidden",
    });
    machine.step({ kind: "time" }, 1_000);
    expect(kinds(machine.step({ kind: "watch-opened" }, 1_001))).toEqual(["well", "wake"]);
  });

  it("does nothing when stopped, and starts afresh", () => {
    const machine = watching();
    expect(kinds(machine.step({ kind: "stop" }, 0))).toEqual(["abort", "wake"]);
    expect(machine.step({ kind: "watch-line", type: "ADDED", object: object("a", "6") }, 1)).toEqual([]);
    expect(machine.step({ kind: "time" }, 1e9)).toEqual([]);
    expect(kinds(machine.step({ kind: "start" }, 2))).toContain("list");
  });
});

const byName = ([a]: [string, number], [b]: [string, number]): number => (a < b ? -1 : 1);

/** An API with a bounded history, and a shell that performs the machine's effects against it. */
class Model {
  private readonly objects = new Map<string, number>();
  private readonly history: { readonly at: number; readonly type: string; readonly name: string }[] = [];
  private version = 1;
  readonly store = new Map<string, number>();
  private gathered = new Map<string, number>();
  private readonly machine = new ReflectorMachine(() => 0.5);
  private now = 0;
  private wakeAt: number | null = null;
  private pending: "list" | "watch" | null = null;
  private watchedFrom = 0;
  private continueToken = "";
  private snapshot: { version: number; objects: [string, number][] } = { version: 0, objects: [] };

  constructor() {
    this.step({ kind: "start" });
  }

  write(name: string, remove: boolean): void {
    if (remove && !this.objects.has(name)) return;
    this.version++;
    this.history.push({ at: this.version, type: remove ? "DELETED" : "MODIFIED", name });
    if (remove) this.objects.delete(name);
    else this.objects.set(name, this.version);
  }

  /** Forgets the history: whoever is behind gets 410. */
  compact(): void {
    this.history.length = 0;
  }

  fail(status: number): void {
    if (this.pending === "list")
      this.step({ kind: "list-failed", status, reason: "", message: "fault", retryAfter: null });
    else if (this.pending === "watch")
      this.step({ kind: "watch-ended", status, message: status === 0 ? "" : "fault", retryAfter: null });
  }

  /** A while later another watch is found dead. */
  suspect(): void {
    this.now += 6_000;
    this.step({ kind: "suspect" });
  }

  /** One round trip of whatever is under way. */
  serve(): void {
    if (this.pending === null && this.wakeAt !== null) {
      this.now = Math.max(this.now, this.wakeAt);
      this.step({ kind: "time" });
    } else if (this.pending === "list") this.servePage();
    else if (this.pending === "watch") this.serveWatch();
  }

  settle(): void {
    for (let i = 0; i < 30; i++) this.serve();
  }

  get server(): Map<string, number> {
    return this.objects;
  }

  /** Pages of one list are pages of one snapshot, whatever is written meanwhile. */
  private servePage(): void {
    if (this.continueToken === "") this.snapshot = { version: this.version, objects: [...this.objects].sort(byName) };
    const { version, objects } = this.snapshot;
    const from = Number(this.continueToken);
    const items = objects.slice(from, from + 2).map(([name, at]) => object(name, String(at)));
    this.step(page(items, String(version), from + 2 < objects.length ? String(from + 2) : ""));
  }

  private serveWatch(): void {
    const missed = this.history.filter(({ at }) => at > this.watchedFrom);
    const complete = missed.length === this.version - this.watchedFrom;
    if (!complete) return this.step({ kind: "watch-line", type: "ERROR", object: { code: 410 } });
    for (const { at, type, name } of missed) {
      this.watchedFrom = at;
      // Each event comes twice: repeating one must change nothing.
      for (let i = 0; i < 2; i++) this.step({ kind: "watch-line", type, object: object(name, String(at)) });
    }
  }

  private step(event: ReflectorEvent): void {
    for (const effect of this.machine.step(event, this.now)) this.perform(effect);
  }

  private perform(effect: ReflectorEffect): void {
    const nameOf = (each: unknown) => (each as { metadata: { name: string; resourceVersion: string } }).metadata;
    if (effect.kind === "list") [this.pending, this.continueToken] = ["list", effect.continueToken];
    else if (effect.kind === "watch") [this.pending, this.watchedFrom] = ["watch", Number(effect.resourceVersion)];
    else if (effect.kind === "gather") this.gathered = new Map();
    else if (effect.kind === "gathered")
      for (const item of effect.items) this.gathered.set(nameOf(item).name, Number(nameOf(item).resourceVersion));
    else if (effect.kind === "swap") {
      this.store.clear();
      for (const [name, version] of this.gathered) this.store.set(name, version);
    } else if (effect.kind === "put")
      this.store.set(nameOf(effect.object).name, Number(nameOf(effect.object).resourceVersion));
    else if (effect.kind === "delete") this.store.delete(nameOf(effect.object).name);
    else if (effect.kind === "wake") this.wakeAt = effect.at;
    else if (effect.kind === "trouble" || effect.kind === "abort") this.pending = null;
  }
}

it("whatever fails on the way, the store equals the server in the end", () => {
  const move = fc.oneof(
    fc.tuple(fc.constantFrom("a", "b", "c", "d", "e"), fc.boolean()).map(
      ([name, remove]) =>
        (model: Model) =>
          model.write(name, remove),
    ),
    fc.constant((model: Model) => model.compact()),
    fc.constant((model: Model) => model.suspect()),
    fc.constantFrom(0, 410, 403, 429, 500, 400).map((status) => (model: Model) => model.fail(status)),
    fc.constant((model: Model) => model.serve()),
    fc.constant((model: Model) => model.serve()),
  );
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const model = new Model();
      for (const name of "abcde") model.write(name, false);
      for (const apply of moves) apply(model);
      model.settle();
      expect(new Map(model.store)).toEqual(new Map(model.server));
    }),
    { numRuns: 500 },
  );
});
