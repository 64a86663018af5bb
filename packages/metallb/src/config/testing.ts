import {
  decodeBFDProfile,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeCommunity,
  decodeIPAddressPool,
  decodeL2Advertisement,
  type Namespace,
  type Secret,
} from "#api";
import { parseRange, RangeSet, type Result } from "#net";
import { type Compilation, compile, NO_RESOURCES, type Resources } from "./compile.ts";
import type { Pool } from "./config.ts";

// Objects as a user would write them, decoded as the processes decode them.

const must = <T>(decoded: Result<T, unknown>): T => {
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.error));
  return decoded.value;
};

const object = (name: string, spec: object, labels: Record<string, string> = {}) => ({
  metadata: { name, namespace: "metallb-system", labels },
  spec,
});

export const pool = (
  name: string,
  addresses: readonly string[],
  more: object = {},
  labels: Record<string, string> = {},
) => must(decodeIPAddressPool(object(name, { addresses, ...more }, labels)));
export const bgpAdvertisement = (name: string, spec: object = {}) => must(decodeBGPAdvertisement(object(name, spec)));
export const l2Advertisement = (name: string, spec: object = {}) => must(decodeL2Advertisement(object(name, spec)));
export const bgpPeer = (name: string, spec: object = {}) =>
  must(decodeBGPPeer(object(name, { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.1", ...spec })));
export const bfdProfile = (name: string, spec: object = {}) => must(decodeBFDProfile(object(name, spec)));
export const community = (name: string, communities: readonly object[]) =>
  must(decodeCommunity(object(name, { communities })));

export const namespace = (name: string, labels: Record<string, string> = {}): Namespace => ({
  key: name,
  namespace: "",
  name,
  uid: "",
  resourceVersion: "",
  labels,
});

export const secret = (name: string, password: string | null, more: Partial<Secret> = {}): Secret => ({
  key: `metallb-system/${name}`,
  namespace: "metallb-system",
  name,
  uid: name,
  resourceVersion: "1",
  type: "kubernetes.io/basic-auth",
  password,
  ...more,
});

/** The object as if it was created then. */
export const aged = <T extends { readonly creationTimestamp: string }>(creationTimestamp: string, object: T): T => ({
  ...object,
  creationTimestamp,
});

/** Compiles with everything that a test does not name left empty. */
export const compiled = (resources: Partial<Resources>, previous: Compilation | null = null): Compilation =>
  compile({ ...NO_RESOURCES, ...resources }, previous);

/** A compiled pool that gives these addresses to everybody and is advertised by nobody, but for what is said. */
export function samplePool(name: string, addresses: readonly string[], fields: Partial<Pool> = {}): Pool {
  const ranges = addresses.map((text) => must(parseRange(text)));
  return {
    name,
    ranges,
    addresses: RangeSet.of(ranges),
    families: new Set(ranges.map(({ family }) => family)),
    frozen: null,
    unreadable: false,
    autoAssign: true,
    avoidBuggyIPs: false,
    allocation: null,
    bgpAdvertisements: [],
    l2Advertisements: [],
    ...fields,
  };
}
