import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FileJournal, type WriteFile } from "./journal.ts";
import { Storage } from "./storage.ts";

const thing = (name: string, value = 0) => ({ metadata: { name }, value });

describe("a collection", () => {
  it("tells the past of a revision while it remembers it", () => {
    const storage = new Storage(100);
    const things = storage.collection("things");
    for (const name of ["b", "a", "d"]) storage.commit(things, name, thing(name));
    const then = storage.revision;
    storage.commit(things, "c", thing("c"));
    storage.commit(things, "a", null);
    storage.commit(things, "b", thing("b", 1));
    expect([...things.from("", "", then)].map((entry) => [entry.key, entry.object.value])).toEqual([
      ["a", 0],
      ["b", 0],
      ["d", 0],
    ]);
    expect([...things.from("", "", storage.revision)].map((entry) => entry.key)).toEqual(["b", "c", "d"]);
    expect([...things.from("a", "", then)].map((entry) => entry.key)).toEqual(["b", "d"]);
  });

  it("forgets the oldest changes and says so", () => {
    const storage = new Storage(10);
    const things = storage.collection("things");
    for (let i = 0; i < 50; i += 1) storage.commit(things, "a", thing("a", i));
    expect(things.since(2, 10)).toBeNull();
    expect(things.since(storage.revision - 5, 10)?.map((change) => change.entry.object.value)).toEqual([
      45, 46, 47, 48, 49,
    ]);
  });
});

describe("the journal", () => {
  const folder = mkdtempSync(join(tmpdir(), "journal-"));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("brings back objects and revision, cuts a torn last line, and ends what watchers knew", () => {
    const first = new Storage(100);
    const journal = new FileJournal(folder, first);
    const things = first.collection("things");
    first.commit(things, "a", thing("a"));
    first.commit(things, "b", thing("b"));
    first.commit(things, "a", null);
    const { revision } = first;
    journal.close();
    appendFileSync(join(folder, "objects.jsonl"), '{"revision":99,"collection":"things","ke');
    const second = new Storage(100);
    const again = new FileJournal(folder, second);
    expect(second.revision).toBe(revision);
    expect([...second.collection("things").values()].map((entry) => entry.key)).toEqual(["b"]);
    expect(second.collection("things").since(revision - 1, 10)).toBeNull();
    expect(second.collection("never seen").since(revision - 1, 10)).toBeNull();
    second.commit(second.collection("things"), "c", thing("c"));
    again.close();
    const third = new Storage(100);
    new FileJournal(folder, third).close();
    expect([...third.collection("things").values()].map((entry) => entry.key)).toEqual(["b", "c"]);
  });

  /** A disk with room for so many more octets. */
  const disk =
    (room: { left: number }): WriteFile =>
    (file, octets, offset) => {
      if (room.left === 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
      const written = writeSync(file, octets, offset, Math.min(room.left, octets.length - offset));
      room.left -= written;
      return written;
    };

  it("takes half a line back on a full disk, refuses that write, and goes on when there is room again", () => {
    const home = mkdtempSync(join(tmpdir(), "journal-"));
    // The first log is new, the second was rewritten at the start.
    for (const name of ["a", "b"]) {
      const room = { left: 10_000 };
      const storage = new Storage(100);
      const journal = new FileJournal(home, storage, disk(room));
      const things = storage.collection("things");
      for (const left of [0, 1, 40]) {
        room.left = left;
        expect(() => storage.commit(things, "lost", thing("lost"))).toThrow("ENOSPC");
      }
      expect(things.get("lost")).toBeUndefined();
      room.left = 10_000;
      storage.commit(things, name, thing(name));
      journal.close();
    }
    const last = new Storage(100);
    new FileJournal(home, last).close();
    expect([...last.collection("things").values()].map((entry) => entry.key)).toEqual(["a", "b"]);
    rmSync(home, { recursive: true });
  });

  it("keeps the old log where there is no room for a new one", () => {
    const home = mkdtempSync(join(tmpdir(), "journal-"));
    const first = new Storage(100);
    const journal = new FileJournal(home, first);
    for (const name of ["a", "b"]) first.commit(first.collection("things"), name, thing(name));
    journal.close();
    const second = new Storage(100);
    const room = { left: 60 };
    const again = new FileJournal(home, second, disk(room));
    room.left = 10_000;
    second.commit(second.collection("things"), "c", thing("c"));
    again.close();
    const third = new Storage(100);
    new FileJournal(home, third).close();
    expect([...third.collection("things").values()].map((entry) => entry.key)).toEqual(["a", "b", "c"]);
    expect(readdirSync(home)).toEqual(["objects.jsonl"]);
    rmSync(home, { recursive: true });
  });
});
