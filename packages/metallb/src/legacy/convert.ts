import { err, ok, type Result } from "#net";
import { Names } from "./names.ts";
import { readPeer, readProfile } from "./peers.ts";
import { type LegacyPool, readPool } from "./pools.ts";
import { join, type LegacyProblem, Reader } from "./reader.ts";

export interface LegacyObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: object;
}

export interface Conversion {
  readonly objects: readonly LegacyObject[];
  /** What somebody should know who applies them. */
  readonly notes: readonly LegacyProblem[];
}

export interface ConversionOptions {
  /** Names stay as they are, also those that no object could have: for a configuration that is lived from directly. */
  readonly keepNames?: boolean;
}

const CONFIG = ["peers", "address-pools", "bgp-communities", "communities", "bfd-profiles"] as const;
const CURRENT: Readonly<Record<string, string>> = { BGPPeer: "v1beta2" };

/**
 * Today's objects for what the ConfigMap of the first MetalLBs says, in any of its forms (0.1 to 0.12).
 * `config` is the parsed value of its key `config`. What is wrong is told field by field, all at once;
 * nothing is left out silently.
 */
export function convertLegacy(
  config: unknown,
  namespace: string,
  { keepNames = false }: ConversionOptions = {},
): Result<Conversion, readonly LegacyProblem[]> {
  const reader = new Reader();
  const converter = new Converter(reader, namespace, keepNames);
  const fields = reader.fields(config, "", CONFIG);
  const each = (key: (typeof CONFIG)[number], take: (value: unknown, path: string) => void): void => {
    for (const [i, value] of reader.list(fields[key], key).entries()) take(value, `${key}[${i}]`);
  };
  each("bfd-profiles", (value, path) => converter.profile(value, path));
  each("peers", (value, path) => converter.peer(value, path));
  converter.communities(
    (["bgp-communities", "communities"] as const).flatMap((key) =>
      reader.mapping(fields[key], key).map(([name, value]) => ({
        name,
        value: reader.text(value, join(key, name)) ?? "",
      })),
    ),
  );
  each("address-pools", (value, path) => converter.pool(value, path));
  return reader.errors.length > 0 ? err(reader.errors) : ok({ objects: converter.objects, notes: reader.notes });
}

class Converter {
  readonly objects: LegacyObject[] = [];
  private readonly reader: Reader;
  private readonly namespace: string;
  private readonly pools: Names;
  private readonly profiles: Names;
  private readonly counts = new Map<string, number>();

  constructor(reader: Reader, namespace: string, keepNames: boolean) {
    this.reader = reader;
    this.namespace = namespace;
    this.pools = new Names(keepNames);
    this.profiles = new Names(keepNames);
  }

  private add(kind: string, name: string, spec: object): void {
    const apiVersion = `metallb.io/${CURRENT[kind] ?? "v1beta1"}`;
    this.objects.push({ apiVersion, kind, metadata: { name, namespace: this.namespace }, spec });
  }

  /** What had no name is numbered. */
  private number(stem: string): string {
    const count = (this.counts.get(stem) ?? 0) + 1;
    this.counts.set(stem, count);
    return `${stem}${count}`;
  }

  private name(names: Names, wanted: string, path: string): string {
    const name = names.take(wanted);
    if (name === null) this.reader.error(path, `the name ${JSON.stringify(wanted.slice(0, 60))} is there twice`);
    else if (name !== wanted)
      this.reader.note(path, `is now named ${name}: Services that ask for it by name must, too`);
    return name ?? wanted;
  }

  peer(value: unknown, path: string): void {
    this.add("BGPPeer", this.number("peer"), readPeer(this.reader, value, path));
  }

  profile(value: unknown, path: string): void {
    const { name, spec } = readProfile(this.reader, value, path);
    if (name !== "") this.add("BFDProfile", this.name(this.profiles, name, join(path, "name")), spec);
  }

  communities(communities: readonly { readonly name: string; readonly value: string }[]): void {
    if (communities.length > 0) this.add("Community", "communities", { communities });
  }

  pool(value: unknown, path: string): void {
    const pool: LegacyPool = readPool(this.reader, value, path);
    if (pool.name === "") return;
    const name = this.name(this.pools, pool.name, join(path, "name"));
    this.add("IPAddressPool", name, pool.spec);
    for (const advertisement of pool.advertisements)
      this.add("BGPAdvertisement", this.number("bgpadvertisement"), { ipAddressPools: [name], ...advertisement });
    if (pool.protocol === "layer2")
      this.add("L2Advertisement", this.number("l2advertisement"), { ipAddressPools: [name] });
  }
}
