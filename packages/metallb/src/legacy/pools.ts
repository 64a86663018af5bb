import { parseRange } from "#net";
import { join, present, quoted, type Reader } from "./reader.ts";

const POOL = [
  "name",
  "protocol",
  "addresses",
  "cidr",
  "avoid-buggy-ips",
  "auto-assign",
  "advertisements",
  "bgp-advertisements",
  "arp-network",
] as const;

/** Lengths and localPref as today's BGPAdvertisement bounds them. */
const LENGTH = [1, 32] as const;
const LENGTH_V6 = [1, 128] as const;
const LOCAL_PREF = [0, 2 ** 31 - 1] as const;

export interface LegacyPool {
  readonly name: string;
  readonly protocol: "bgp" | "layer2";
  /** Of the IPAddressPool. */
  readonly spec: object;
  /** Of the BGPAdvertisements, without the pool's name; none for layer 2. */
  readonly advertisements: readonly object[];
}

/** A pool of any version: 0.1 and 0.2 (`cidr`, `advertisements`), 0.3 (`protocol: arp`), and the last one. */
export function readPool(reader: Reader, value: unknown, path: string): LegacyPool {
  const pool = reader.fields(value, path, POOL);
  const at = (key: string): string => join(path, key);
  const name = reader.text(pool.name, at("name"));
  if (name === undefined) reader.error(at("name"), "is missing");
  const protocol = readProtocol(reader, pool, at("protocol"));
  const addresses = [...readAddresses(reader, pool, at, "addresses"), ...readAddresses(reader, pool, at, "cidr")];
  if (addresses.length === 0) reader.error(path, "the pool has no addresses");
  const advertisements = (["advertisements", "bgp-advertisements"] as const).flatMap((key) =>
    reader.list(pool[key], at(key)).map((each, i) => readAdvertisement(reader, each, `${at(key)}[${i}]`)),
  );
  if (protocol === "layer2" && advertisements.length > 0)
    reader.error(at("bgp-advertisements"), "cannot be there in a pool that is announced by layer 2");
  if (pool["arp-network"] !== undefined) readNetwork(reader, pool["arp-network"], at("arp-network"), protocol);
  return {
    name: name ?? "",
    protocol,
    spec: present({
      addresses,
      autoAssign: reader.flag(pool["auto-assign"], at("auto-assign")),
      avoidBuggyIPs: reader.flag(pool["avoid-buggy-ips"], at("avoid-buggy-ips")),
    }),
    // A BGP pool without any had one: every address by itself.
    advertisements: protocol === "layer2" ? [] : advertisements.length > 0 ? advertisements : [{}],
  };
}

function readProtocol(reader: Reader, pool: Readonly<Record<string, unknown>>, path: string): "bgp" | "layer2" {
  const protocol = reader.text(pool.protocol, path);
  switch (protocol) {
    case "bgp":
      return "bgp";
    case "layer2":
    case "arp":
    case "ndp":
      return "layer2";
    case undefined:
      // Before 0.3 there was BGP alone, and no such field; `addresses` is younger than it.
      if (pool.addresses !== undefined) reader.error(path, "address pool is missing the protocol field");
      return "bgp";
    default:
      reader.error(path, `unknown protocol ${quoted(protocol)}`);
      return "bgp";
  }
}

function readAddresses(
  reader: Reader,
  pool: Readonly<Record<string, unknown>>,
  at: (key: string) => string,
  key: "addresses" | "cidr",
): readonly string[] {
  return reader.texts(pool[key], at(key)).map((text, i) => {
    const range = parseRange(text);
    if (!range.ok) reader.error(`${at(key)}[${i}]`, `invalid CIDR ${quoted(text)}: ${range.error}`);
    return text;
  });
}

/** Nodes answer on the interface that has the subnet, and always did: nothing is lost. */
function readNetwork(reader: Reader, value: unknown, path: string, protocol: string): void {
  reader.text(value, path);
  if (protocol === "bgp") reader.error(path, "cannot be there in a pool that is announced by BGP");
  else reader.note(path, "is left out: interfaces are chosen by an L2Advertisement's spec.interfaces");
}

function readAdvertisement(reader: Reader, value: unknown, path: string): object {
  const fields = reader.fields(value, path, [
    "aggregation-length",
    "aggregation-length-v6",
    "localpref",
    "communities",
  ]);
  const communities = reader.texts(fields.communities, join(path, "communities"));
  return present({
    aggregationLength: reader.whole(fields["aggregation-length"], join(path, "aggregation-length"), LENGTH),
    aggregationLengthV6: reader.whole(fields["aggregation-length-v6"], join(path, "aggregation-length-v6"), LENGTH_V6),
    localPref: reader.whole(fields.localpref, join(path, "localpref"), LOCAL_PREF),
    communities: communities.length > 0 ? communities : undefined,
  });
}
