import type { ResourceMeta } from "#api";
import type { Problem } from "./config.ts";
import { ProblemList } from "./problems.ts";

/** What one object says, and what is wrong with it. */
export interface Reading<T> {
  readonly value: T;
  readonly problems: readonly Problem[];
}

type Readable = ResourceMeta & { readonly spec: unknown };

interface Kept extends Reading<unknown> {
  readonly resource: Readable;
  /** What it depends on beyond its own object. */
  readonly context: string;
}

/**
 * Reads objects, and remembers what they said: one that did not change is not read again, and what was
 * made of it keeps its identity. This saves time and nothing else: the answers would be the same.
 */
export class Readings {
  private readonly before: ReadonlyMap<string, Kept>;
  private readonly now = new Map<string, Kept>();

  constructor(before: Readings | null) {
    this.before = before?.now ?? new Map();
  }

  read<R extends Readable, T>(
    kind: string,
    resource: R,
    context: string,
    make: (resource: R, problems: ProblemList) => T,
  ): Reading<T> {
    const key = `${kind}/${resource.name}`;
    let reading = this.before.get(key);
    if (!reading || reading.context !== context || !saysTheSame(reading.resource, resource)) {
      const list = new ProblemList(kind, resource.name);
      for (const { path, message } of resource.faults) list.add("invalidSchema", path, message);
      const value = make(resource, list);
      reading = { resource, context, value, problems: list.problems };
    } else if (reading.resource !== resource) reading = { ...reading, resource };
    this.now.set(key, reading);
    return reading as Reading<T>;
  }
}

const saysTheSame = (a: Readable, b: Readable): boolean => a === b || said(a) === said(b);

const said = ({ spec, labels, annotations, creationTimestamp, faults }: Readable): string =>
  JSON.stringify([spec, labels, annotations, creationTimestamp, faults]);
