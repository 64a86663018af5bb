/** What is wrong with a part of a configuration, or worth knowing about its conversion. */
export interface LegacyProblem {
  /** Such as `peers[0].my-asn`; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

type Fields = Readonly<Record<string, unknown>>;

const MAX_PROBLEMS = 200;
const MAX_TEXT = 100;

/** Reads parsed YAML field by field and gathers what is wrong; never throws, whatever it is given. */
export class Reader {
  readonly errors: LegacyProblem[] = [];
  readonly notes: LegacyProblem[] = [];

  error(path: string, message: string): void {
    if (this.errors.length < MAX_PROBLEMS) this.errors.push({ path, message });
  }

  note(path: string, message: string): void {
    if (this.notes.length < MAX_PROBLEMS) this.notes.push({ path, message });
  }

  /** A mapping of which only these keys may be there; empty where it is none. */
  fields(value: unknown, path: string, known: readonly string[]): Fields {
    if (value === undefined || value === null) return {};
    if (typeof value !== "object" || Array.isArray(value)) {
      this.error(path, "must be a mapping");
      return {};
    }
    for (const key of Object.keys(value))
      if (!known.includes(key)) this.error(join(path, key), `unknown field; known are ${known.join(", ")}`);
    return value as Fields;
  }

  /** A mapping of any keys. */
  mapping(value: unknown, path: string): readonly (readonly [string, unknown])[] {
    if (value === undefined || value === null) return [];
    if (typeof value === "object" && !Array.isArray(value)) return Object.entries(value);
    this.error(path, "must be a mapping");
    return [];
  }

  list(value: unknown, path: string): readonly unknown[] {
    if (value === undefined || value === null) return [];
    if (Array.isArray(value)) return value;
    this.error(path, "must be a list");
    return [];
  }

  text(value: unknown, path: string): string | undefined {
    if (value === undefined || value === null || value === "") return undefined;
    // YAML reads some texts as numbers.
    if (typeof value === "string" || typeof value === "number") return String(value);
    this.error(path, "must be a text");
    return undefined;
  }

  texts(value: unknown, path: string): readonly string[] {
    return this.list(value, path).flatMap((each, i) => this.text(each, `${path}[${i}]`) ?? []);
  }

  whole(value: unknown, path: string, [min, max]: readonly [number, number]): number | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    this.error(path, `must be a whole number from ${min} to ${max}`);
    return undefined;
  }

  flag(value: unknown, path: string): boolean | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === "boolean") return value;
    this.error(path, "must be true or false");
    return undefined;
  }
}

export const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

export const quoted = (text: string): string =>
  JSON.stringify(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);

/** Without the fields that say nothing. */
export const present = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
