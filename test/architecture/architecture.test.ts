import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { house } from "./rules.ts";
import { parseSource, readHelpers, readSources, type Source } from "./sources.ts";

const root = join(import.meta.dirname, "../..");
const sources = readSources();
const code = sources.filter((source) => !source.isTest);
const rooms = [...new Set(sources.map((source) => source.room))];

/** The room that an import of `source` leads to; null: to a library, to Node, or within the room. */
function roomOf(source: Source, name: string): string | null {
  if (name.startsWith("#")) return source.pack === "metallb" ? (name.slice(1).split("/")[0] ?? "") : source.room;
  const [, room] = /^metallb\/(.*)/.exec(name) ?? [];
  if (room !== undefined) return room.split("/")[0] ?? "";
  const [, pack] = /^@metallb-ts\/([^/]*)/.exec(name) ?? [];
  return pack ?? null;
}

const libraryOf = (name: string): string =>
  name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");

const isLibrary = (name: string): boolean => !/^(\.|#|node:|metallb\/|@metallb-ts\/)/.test(name);

/** The folder within a room, such as `bgp/packet`; null for files at the room's root. */
function subRoomOf(path: string): string | null {
  const [, pack, , ...rest] = path.split("/");
  const inside = pack === "metallb" ? rest : [pack ?? "", ...rest];
  return inside.length > 2 ? inside.slice(0, 2).join("/") : null;
}

const arrowsOf = (source: Source): string[] =>
  source.imports
    .map((name) => roomOf(source, name))
    .filter((room) => room !== null && room !== source.room) as string[];

const breaches = (files: readonly Source[], find: (source: Source) => readonly string[]): string[] =>
  files.flatMap((source) => find(source).map((what) => `${source.path}: ${what}`));

describe("the house", () => {
  it("has only rooms that the rules know", () => {
    expect(rooms.filter((room) => !(room in house.ARROWS))).toEqual([]);
  });

  it("has arrows that only point down", () => {
    const found = breaches(code, (source) =>
      arrowsOf(source)
        .filter((room) => !house.ARROWS[source.room]?.includes(room))
        .map((room) => `${source.room} must not import ${room}`),
    );
    expect(found).toEqual([]);
  });

  it("has rules without a circle", () => {
    const reach = (room: string, path: readonly string[]): readonly string[] =>
      path.includes(room)
        ? [[...path, room].join(" → ")]
        : (house.ARROWS[room] ?? []).flatMap((next) => reach(next, [...path, room]));
    expect(Object.keys(house.ARROWS).flatMap((room) => reach(room, []))).toEqual([]);
  });

  it("names no arrow that nobody uses", () => {
    const used = new Set(sources.flatMap((source) => arrowsOf(source).map((room) => `${source.room} → ${room}`)));
    const idle = Object.entries(house.ARROWS).flatMap(([room, targets]) =>
      rooms.includes(room) ? targets.map((target) => `${room} → ${target}`).filter((arrow) => !used.has(arrow)) : [],
    );
    expect(idle).toEqual([]);
  });

  it("has no circle of files", () => {
    const files = new Map(code.map((source) => [source.path, source]));
    const next = (path: string): string[] =>
      (files.get(path)?.imports ?? [])
        .filter((name) => name.startsWith("."))
        .map((name) => join(dirname(path), name))
        .filter((target) => files.has(target));
    const done = new Set<string>();
    const circles: string[] = [];
    const walk = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      if (done.has(path) || trail.includes(path)) return;
      for (const target of next(path)) walk(target, [...trail, path]);
      done.add(path);
    };
    for (const path of files.keys()) walk(path, []);
    expect(circles.filter((circle) => !house.YET.circles.some((known) => circle.startsWith(known)))).toEqual([]);
  });

  it("has sub-rooms whose arrows point one way", () => {
    const arrows = new Set<string>();
    for (const source of code)
      for (const name of source.imports.filter((each) => each.startsWith("."))) {
        const [from, to] = [subRoomOf(source.path), subRoomOf(join(dirname(source.path), name))];
        // Files at the root of a room are its top: they may reach into every sub-room, and share their types.
        if (from && to && from !== to) arrows.add(`${from} → ${to}`);
      }
    const both = [...arrows].filter((arrow) => arrows.has(arrow.split(" → ").toReversed().join(" → ")));
    expect(both.filter((arrow) => !house.YET.circles.some((known) => arrow.includes(known)))).toEqual([]);
  });

  it("has files that one can read: 300 lines at most", () => {
    const long = code.filter((source) => source.lines > house.MAX_LINES).map(({ path, lines }) => `${path}: ${lines}`);
    expect(long.filter((line) => !house.YET.long.some((known) => line.startsWith(known)))).toEqual([]);
  });

  it("has one habit for private members: TypeScript's `private`", () => {
    const hashed = [...sources, ...readHelpers()].filter((source) => source.hasHashMembers).map(({ path }) => path);
    expect(hashed).toEqual([]);
  });

  it("has one habit for time: nothing that measures it is a bare number, and its measures are declared once", () => {
    const { home, types, names } = house.TIME;
    const wrong = [...types, ...names.map((name) => `${name}: number`)];
    const product = code.filter(({ pack, path }) => pack === "metallb" && path !== home);
    expect(breaches(product, ({ declares }) => wrong.filter((each) => declares.has(each)))).toEqual([]);
  });

  it("has one formula for pauses that grow: net/backoff.ts", () => {
    const formula = /\b2 \*\* |pause \* 2|2 \* (?:this\.)?pause|<< (?:this\.)?(?:fail|loss|tries|attempt)/;
    const home = "packages/metallb/src/net/backoff.ts";
    const growing = /fail|attempt|tries|loss|retry|pause/i;
    const found = code
      .filter(({ path }) => path !== home && !path.includes("apiserver"))
      .filter(({ path }) =>
        readFileSync(join(root, path), "utf8")
          .split("\n")
          .some((line) => formula.test(line) && growing.test(line)),
      );
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it("keeps the engines apart", () => {
    for (const engine of house.ENGINES) expect(house.ARROWS[engine]).toEqual(["net"]);
  });

  it("is entered room by room through index.ts", () => {
    const found = breaches(sources, (source) =>
      source.imports.filter((name) => {
        if (!name.startsWith(".")) return false;
        const target = join(dirname(source.path), name);
        const home = source.pack === "metallb" ? `packages/metallb/src/${source.room}/` : `packages/${source.pack}/`;
        return !target.startsWith(home) && !target.endsWith("package.json");
      }),
    );
    expect(found).toEqual([]);
  });

  it("has a README in every room", () => {
    const homes = new Set(
      sources.map(({ pack, room }) => (pack === "metallb" ? `packages/metallb/src/${room}` : `packages/${pack}`)),
    );
    expect([...homes].filter((home) => !existsSync(join(root, home, "README.md")))).toEqual([]);
  });

  it("names every room in the README", () => {
    const text = readFileSync(join(root, "README.md"), "utf8");
    expect(rooms.filter((room) => !text.includes(`${room}/README.md)`))).toEqual([]);
  });

  it("keeps every library in its rooms", () => {
    const found = breaches(code, (source) =>
      source.imports
        .filter(isLibrary)
        .map(libraryOf)
        .filter((library) => !house.LIBRARIES[library]?.includes(source.room)),
    );
    expect(found).toEqual([]);
  });

  it("has a sentence about every runtime dependency in docs/decisions.md", () => {
    const text = readFileSync(join(root, "docs/decisions.md"), "utf8");
    const named = globSync("packages/*/package.json", { cwd: root }).flatMap((file) => {
      const manifest = JSON.parse(readFileSync(join(root, file), "utf8")) as { readonly dependencies?: object };
      return Object.keys(manifest.dependencies ?? {});
    });
    const foreign = named.filter((name) => name !== "metallb" && !name.startsWith("@metallb-ts/"));
    expect(foreign.length).toBeGreaterThan(5);
    const rows = text.split("\n").filter((line) => line.startsWith("| "));
    expect(foreign.filter((name) => !rows.some((row) => row.split("|")[1]?.includes(name)))).toEqual([]);
  });

  it("leaves API paths to kube", () => {
    const found = breaches(
      code.filter((source) => !["kube", "lab", "apiserver"].includes(source.room)),
      (source) => source.texts.filter((text) => /^\/(apis\/|api\/v1)/.test(text)),
    );
    expect(found).toEqual([]);
  });

  it("lends its test helpers to tests alone", () => {
    const found = breaches(code, (source) => source.imports.filter((name) => /testing(\.ts)?$|\.test\.ts$/.test(name)));
    expect(found).toEqual([]);
  });
});

describe("the pure rooms", () => {
  const pure = code.filter((source) => (house.PURE as readonly string[]).includes(source.room));

  it("know no node, clock, chance, process or console", () => {
    const found = breaches(pure, (source) => [
      ...source.imports.filter((name) => name.startsWith("node:") || name.startsWith("(")),
      ...[...source.names].filter(
        (name) => (house.IMPURE_NAMES as readonly string[]).includes(name) || name === "Math.random",
      ),
    ]);
    expect(found).toEqual([]);
  });

  it("are synchronous", () => {
    expect(pure.filter((source) => source.isAsync).map((source) => source.path)).toEqual([]);
  });
});

describe("the parser behind these rules", () => {
  const parsed = parseSource(
    "packages/metallb/src/net/sample.ts",
    `import type { A } from "#api"; export { b } from "./b.ts"; import "node:fs";
     const later = () => import("koffi"); const now = Date.now() + Math.random();
     export async function f(process: string) { return { console: x.fetch, at: "/apis/x" }; }`,
  );

  it("sees type imports, re-exports, bare and dynamic imports", () => {
    expect([...parsed.imports].sort()).toEqual(["#api", "./b.ts", "koffi", "node:fs"]);
  });

  it("sees members that are private by `#`", () => {
    const text = "export class A { #n = 1; get m() { return this.#n; } }";
    expect(parseSource("packages/metallb/src/net/a.ts", text).hasHashMembers).toBe(true);
    expect(parsed.hasHashMembers).toBe(false);
  });

  it("sees types and what is a bare number", () => {
    const text = `type Instant = number; interface A { readonly now: () => number; until: number | null; at: Instant }
      class B { private since: number = 1; wait(pause: number, n: string) {} }`;
    expect([...parseSource("packages/metallb/src/net/a.ts", text).declares].sort()).toEqual(
      ["A", "Instant", "now: number", "pause: number", "since: number", "until: number"].sort(),
    );
  });

  it("sees names that stand for values and not those that label", () => {
    expect(parsed.names).toContain("Date");
    expect(parsed.names).toContain("Math.random");
    expect(parsed.names.has("console") || parsed.names.has("fetch")).toBe(false);
    expect(parsed.isAsync).toBe(true);
    expect(parsed.texts).toContain("/apis/x");
  });
});
