import { type Ip, ip, ipEquals } from "#net";
import type { ServiceClass, ServiceClasses } from "./service-class.ts";

interface Entry {
  readonly of: ServiceClass;
  readonly ips: readonly Ip[];
}

const NO_IPS: readonly Ip[] = [];
const CLASS_UNIT = 2 ** 32;

/**
 * What is remembered of each Service: its class and its addresses. There are many, and nearly all
 * have one IPv4 address or none, so those are one number each: class × 2^32 + address.
 */
export class ServiceEntries {
  private readonly classes: ServiceClasses;
  private readonly entries = new Map<string, number | Entry>();

  constructor(classes: ServiceClasses) {
    this.classes = classes;
  }

  get size(): number {
    return this.entries.size;
  }

  keys(): Iterable<string> {
    return this.entries.keys();
  }

  get(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    if (typeof entry !== "number") return entry;
    const of = this.classes.at(Math.floor(entry / CLASS_UNIT));
    return { of, ips: of.spec.kind === "held" ? [ip(4, BigInt(entry % CLASS_UNIT))] : NO_IPS };
  }

  /** Of a Service that is there. */
  classOf(key: string): ServiceClass {
    const entry = this.entries.get(key) as number | Entry;
    return typeof entry === "number" ? this.classes.at(Math.floor(entry / CLASS_UNIT)) : entry.of;
  }

  set(key: string, of: ServiceClass, ips: readonly Ip[]): void {
    const [first] = ips;
    if (of.spec.kind === "refused") this.entries.set(key, of.id * CLASS_UNIT);
    else if (ips.length === 1 && first?.family === 4) this.entries.set(key, of.id * CLASS_UNIT + Number(first.value));
    else this.entries.set(key, { of, ips });
  }

  delete(key: string): void {
    this.entries.delete(key);
  }
}

export const sameIps = (a: readonly Ip[], b: readonly Ip[]): boolean =>
  a.length === b.length && a.every((each, i) => ipEquals(each, b[i] as Ip));
