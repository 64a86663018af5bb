import type { KubeObject, LeaseSpec } from "#kube";
import type { LeaseHolders } from "#planner";
import { type OwnPod, ownedBy } from "#world";
import type { NodeLease } from "./node-leases.ts";
import { sha256 } from "./sha256.ts";

const SELECTED = { key: "metallb.io/lease", value: "speaker" } as const;
const NODE = "metallb.io/node";
const META = "metallb.io/interfaces";
/** The API takes no longer name. */
const MAX_NAME = 253;

/** Of the Leases of all speakers. */
export const SELECTOR = `${SELECTED.key}=${SELECTED.value}`;

export function nameOf(node: string): string {
  const name = `speaker-${node}`;
  const hash = Buffer.from(sha256(node)).toString("hex").slice(0, 16);
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 17)}-${hash}`;
}

export interface LeaseTerms {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** What the others are to know of the interfaces here. */
  readonly meta: Uint8Array;
  /** With whom the Lease goes. */
  readonly owner: OwnPod | null;
}

/** What is written of the Lease that stands; null: there is none. */
export const leaseObject = (
  standing: KubeObject | null,
  { namespace, name, node, meta, owner }: LeaseTerms,
  spec: LeaseSpec,
): KubeObject => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: {
    ...standing?.metadata,
    ...{ namespace, name },
    labels: { ...standing?.metadata?.labels, [SELECTED.key]: SELECTED.value },
    annotations: {
      ...standing?.metadata?.annotations,
      [NODE]: node,
      [META]: Buffer.from(meta).toString("base64"),
    },
    ...ownedBy(owner),
  },
  spec,
});

export const specOf = (lease: KubeObject | null): LeaseSpec => (lease?.spec ?? {}) as LeaseSpec;

/** Null: it is none of a speaker. */
export function readLease(object: unknown): NodeLease | null {
  const { metadata, spec } = object as KubeObject;
  const node = metadata?.annotations?.[NODE];
  if (node === undefined) return null;
  const { holderIdentity = "", renewTime = "", acquireTime = "", leaseDurationSeconds = 0 } = (spec ?? {}) as LeaseSpec;
  return {
    node,
    holder: holderIdentity,
    renewTime,
    acquireTime,
    duration: leaseDurationSeconds * 1_000,
    meta: new Uint8Array(Buffer.from(metadata?.annotations?.[META] ?? "", "base64")),
  };
}

export const sameHolders = (a: LeaseHolders, b: LeaseHolders): boolean =>
  a.why === b.why &&
  a.holders.size === b.holders.size &&
  a.holders.isSubsetOf(b.holders) &&
  JSON.stringify([...a.speakers], plain) === JSON.stringify([...b.speakers], plain);

const plain = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
