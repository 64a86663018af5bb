import { readFileSync } from "node:fs";
import { isMap, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import { err, ok, type Result } from "#net";

/** More is no configuration that somebody wrote. */
const MAX_FILE = 32 * 1024 * 1024;

/** One object of a file, with the way back to its lines. */
export interface SourceObject {
  readonly file: string;
  readonly value: unknown;
  /** The line of the field (`spec.addresses[0]`), or of the nearest that is there; 1 is the first. */
  lineOf(path: string): number;
}

/** What a file cannot be read for. */
export interface SourceError {
  readonly file: string;
  readonly line: number | null;
  readonly message: string;
}

/** `-` is standard input. */
export function readSource(file: string): Result<string, SourceError> {
  try {
    const text = readFileSync(file === "-" ? 0 : file, "utf8");
    if (text.length <= MAX_FILE) return ok(text);
    return err({ file, line: null, message: `is longer than ${MAX_FILE} characters` });
  } catch (error) {
    return err({ file, line: null, message: (error as Error).message });
  }
}

/** The objects of YAML or JSON text: every document, and the items of a List. */
export function readObjects(file: string, text: string): Result<readonly SourceObject[], readonly SourceError[]> {
  const lines = new LineCounter();
  const objects: SourceObject[] = [];
  const errors: SourceError[] = [];
  const documents = parseAllDocuments(text, { lineCounter: lines, merge: true });
  for (const document of Array.isArray(documents) ? documents : []) {
    for (const { pos, message } of document.errors) {
      const [first = ""] = message.split("\n");
      errors.push({
        file,
        line: lines.linePos(pos[0]).line,
        message: first.replace(/ at line \d+, column \d+:?$/, ""),
      });
    }
    if (document.errors.length > 0 || document.contents === null) continue;
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      errors.push({ file, line: null, message: (error as Error).message });
      continue;
    }
    const root = document.contents as Node;
    const { kind, items } = (value ?? {}) as { readonly kind?: unknown; readonly items?: unknown };
    if (typeof kind === "string" && kind.endsWith("List") && Array.isArray(items))
      for (const [i, item] of items.entries())
        objects.push({ file, value: item, lineOf: (path) => lineOf(root, `items[${i}].${path}`, lines) });
    else objects.push({ file, value, lineOf: (path) => lineOf(root, path, lines) });
  }
  return errors.length > 0 ? err(errors) : ok(objects);
}

function lineOf(root: Node, path: string, lines: LineCounter): number {
  let node: unknown = root;
  let offset = root.range?.[0] ?? 0;
  for (const part of path.split(/[.[\]]+/).filter((each) => each !== "")) {
    if (isSeq(node)) node = node.items[Number(part)];
    else if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(key) === part);
      offset = (pair?.key as Node | undefined)?.range?.[0] ?? offset;
      node = pair?.value;
    } else break;
    if (node === undefined || node === null) break;
    if (!isMap(node)) offset = (node as Node).range?.[0] ?? offset;
  }
  return lines.linePos(offset).line;
}
