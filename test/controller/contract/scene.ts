/** One story about Services and pools, and what a MetalLB user sees of it after each step. */
export interface Scene {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** What a user does; all of it at once, and then looks. */
export interface Step {
  /** Pool → its `spec`, or its addresses; null: deleted. */
  readonly pools?: Readonly<Record<string, readonly string[] | object | null>>;
  /** Labels of the scene's namespace. */
  readonly namespaceLabels?: Readonly<Record<string, string | null>>;
  /** Service → what it is created with, or patched by; null: deleted. `other/x` lies in another namespace. */
  readonly services?: Readonly<Record<string, ServicePatch | null>>;
  /** Community → its value; null: deleted. */
  readonly communities?: Readonly<Record<string, string | null>>;
  /** Service → `status.loadBalancer.ingress` as somebody else writes it. */
  readonly ingress?: Readonly<Record<string, readonly object[]>>;
  /** Before this step the controller is killed, and started after it. */
  readonly whileDown?: boolean;
  /** Service → addresses, comma separated, and the pool that the annotation names; "" when it has none. */
  readonly holds?: Readonly<Record<string, string>>;
  /** Service → the events that this step causes, in any order. */
  readonly events?: Readonly<Record<string, readonly string[]>>;
  /** Pool → assigned IPv4/available IPv4, assigned IPv6/available IPv6. */
  readonly counters?: Readonly<Record<string, string>>;
}

export interface ServicePatch {
  readonly spec?: object;
  readonly annotations?: Readonly<Record<string, string | null>>;
  readonly labels?: Readonly<Record<string, string | null>>;
  readonly finalizers?: readonly string[];
}

export const DUAL = { ipFamilyPolicy: "RequireDualStack" };
export const PREFER = { ipFamilyPolicy: "PreferDualStack" };
export const SIX = { ipFamilies: ["IPv6"] };
export const port = (...ports: readonly number[]) => ({ ports: ports.map((one) => ({ port: one, name: `p${one}` })) });

export const gave = (...ips: readonly string[]): string =>
  `Normal IPAllocated Assigned IP [${ips.map((ip) => `"${ip}"`).join(" ")}]`;
export const added = (ip: string): string => `Normal IPAllocated Assigned additional IP ["${ip}"]`;
/** `<ns>` stands for the scene's namespace. */
export const failed = (name: string, why: string): string =>
  `Warning AllocationFailed Failed to allocate IP for "<ns>/${name}": ${why}`;
