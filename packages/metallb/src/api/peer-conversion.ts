import { err, ok, type Result } from "#net";
import { GROUP } from "./crd.ts";
import { bgpPeerSpecV1beta1 } from "./peer.ts";

export type PeerVersion = "v1beta1" | "v1beta2";

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What both versions know, in the same words. */
const SHARED = Object.keys(bgpPeerSpecV1beta1.shape);

/**
 * The same BGPPeer in another served version, metadata and status untouched. Nothing is validated: an
 * object that cannot be converted could not even be read or deleted any more. A timer that is absent
 * stays absent. Towards v1beta1 what it does not know is lost.
 */
export function convertBGPPeer(object: unknown, version: PeerVersion): Result<Fields> {
  if (!isObject(object)) return err("not an object");
  const apiVersion = `${GROUP}/${version}`;
  if (object.apiVersion === apiVersion) return ok(object);
  const other = version === "v1beta1" ? "v1beta2" : "v1beta1";
  if (object.kind !== "BGPPeer" || object.apiVersion !== `${GROUP}/${other}`)
    return err(`cannot convert ${text(object.kind)} of ${text(object.apiVersion)} to ${apiVersion}`);
  if (!isObject(object.spec)) return ok({ ...object, apiVersion });
  const spec = version === "v1beta1" ? specToV1beta1(object.spec) : specToV1beta2(object.spec);
  return ok({ ...object, apiVersion, spec });
}

const text = (value: unknown): string => (typeof value === "string" ? value.slice(0, 80) : "nothing");

/** Null says no more than absence, and v1beta1 does not allow it. */
const shared = (spec: Fields): Fields =>
  Object.fromEntries(
    SHARED.filter((field) => Object.hasOwn(spec, field) && spec[field] !== null).map((field) => [field, spec[field]]),
  );

function specToV1beta2(spec: Fields): Fields {
  const { peerPort, ...rest } = shared(spec);
  // Port 0 says nothing in v1beta1 and is refused by v1beta2.
  return peerPort === undefined || peerPort === 0 ? rest : { ...rest, peerPort };
}

/** v1beta1 requires both, and has no other way to say that there is none. */
const specToV1beta1 = (spec: Fields): Fields => ({ peerASN: 0, peerAddress: "", ...shared(spec) });
