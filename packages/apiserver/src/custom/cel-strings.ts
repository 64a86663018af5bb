import type { Environment } from "@marcbachmann/cel-js";

/** Characters and not the halves of which JavaScript makes some. */
function charAt(text: string, index: bigint): string {
  const characters = Array.from(text);
  if (index < 0n || index > BigInt(characters.length)) throw new Error(`index out of range: ${index}`);
  return characters[Number(index)] ?? "";
}

function replace(text: string, from: string, to: string, count: bigint): string {
  const parts = from === "" ? Array.from(text) : text.split(from);
  if (from === "") parts.unshift("");
  if (from === "" && text !== "") parts.push("");
  const most = count < 0n ? parts.length : Number(count);
  return parts.reduce((whole, part, i) => (i === 0 ? part : `${whole}${i <= most ? to : from}${part}`), "");
}

/** A value as `%s` shows it. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  if (value instanceof Date) return value.toISOString().replace(/\.000Z$/, "Z");
  if (typeof value !== "object" || value === null) return String(value);
  const members = Object.entries(value).map(([name, member]) => `${name}: ${shown(member)}`);
  return `{${members.sort().join(", ")}}`;
}

const RADIX = { b: 2, o: 8, x: 16, X: 16 } as const;

function verb(kind: string, precision: string, value: unknown): string {
  if (kind === "s") return shown(value);
  if (kind === "d" && typeof value === "bigint") return String(value);
  const digits = precision === "" ? 6 : Number(precision);
  if (kind === "f" && typeof value === "number") return value.toFixed(digits);
  if (kind === "e" && typeof value === "number") return value.toExponential(digits).replace(/e([+-])(\d)$/, "e$10$2");
  if (kind in RADIX && typeof value === "bigint") {
    const text = value.toString(RADIX[kind as keyof typeof RADIX]);
    return kind === "X" ? text.toUpperCase() : text;
  }
  throw new Error(`error during formatting: %${kind} cannot show this value`);
}

function format(text: string, values: readonly unknown[]): string {
  let next = 0;
  return text.replaceAll(
    /%(?:%|(?:\.(\d{1,2}))?([a-zA-Z]))/g,
    (whole, precision: string | undefined, kind?: string) => {
      if (kind === undefined) return whole.slice(1);
      if (next >= values.length) throw new Error(`index ${next} out of range`);
      return verb(kind, precision ?? "", values[next++]);
    },
  );
}

/** CEL's extension `strings`, as far as the library lacks it. */
export function addStrings(environment: Environment): void {
  environment
    .registerFunction("string.charAt(int): string", charAt)
    .registerFunction("string.replace(string, string): string", (text: string, from: string, to: string) =>
      replace(text, from, to, -1n),
    )
    .registerFunction("string.replace(string, string, int): string", replace)
    .registerFunction("string.format(list): string", format);
}
