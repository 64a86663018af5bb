/** Command blocks of a page, and what comments around them say. The comments are told in docs/hacking.md. */

export type Block =
  /** Run with bash; `hidden`: a comment that prepares what the reader has already. */
  | {
      readonly kind: "run";
      readonly line: number;
      readonly text: string;
      readonly endsWith: number;
      readonly prints: readonly string[];
      readonly hidden: boolean;
    }
  | { readonly kind: "write"; readonly line: number; readonly text: string; readonly file: string }
  | { readonly kind: "not run"; readonly line: number; readonly text: string; readonly why: string };

export interface Page {
  /** What the page says it runs in; null: it runs nowhere. */
  readonly world: string | null;
  readonly blocks: readonly Block[];
  /** What cannot be: a comment of no block, a reason that is missing. */
  readonly problems: readonly string[];
}

const COMMENT = /^<!-- (runs in|not run|writes|ends with|prints|prepares):? ?(.*?) ?(?:-->)?$/;

/** Reads a page line by line. Only blocks marked `sh` are commands. */
export function readBlocks(page: string): Page {
  const lines = page.split("\n");
  const blocks: Block[] = [];
  const problems: string[] = [];
  let world: string | null = null;
  let marks = new Map<string, string>();
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const number = at + 1;
    const [, name, value = ""] = COMMENT.exec(line) ?? [];
    const until = (end: string): string => {
      const from = at + 1;
      for (at = from; at < lines.length && lines[at] !== end; at++);
      return lines.slice(from, at).join("\n");
    };
    if (name === "runs in") world = value;
    else if (name === "prints") {
      const last = blocks.at(-1);
      if (last?.kind === "run") blocks[blocks.length - 1] = { ...last, prints: [...last.prints, value] };
      else problems.push(`line ${number}: nothing that runs stands before`);
    } else if (name === "prepares")
      blocks.push({ kind: "run", line: number, text: until("-->"), endsWith: 0, prints: [], hidden: true });
    else if (name !== undefined) {
      if (value === "") problems.push(`line ${number}: ${name} without a value`);
      marks.set(name, value);
    } else if (line.startsWith("```")) {
      const text = until("```");
      const why = marks.get("not run");
      const file = marks.get("writes");
      if (file !== undefined) blocks.push({ kind: "write", line: number, text, file });
      else if (why !== undefined) blocks.push({ kind: "not run", line: number, text, why });
      else if (line === "```sh") {
        const endsWith = Number(marks.get("ends with") ?? 0);
        blocks.push({ kind: "run", line: number, text, endsWith, prints: [], hidden: false });
      } else if (marks.size > 0) problems.push(`line ${number}: the comment before says what only a command can do`);
      marks = new Map();
    } else if (line.trim() !== "" && marks.size > 0) {
      problems.push(`line ${number}: the comment before stands before no block`);
      marks = new Map();
    }
  }
  return { world, blocks, problems };
}
