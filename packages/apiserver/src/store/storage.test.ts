import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FileJournal } from "./journal.ts";
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
});
