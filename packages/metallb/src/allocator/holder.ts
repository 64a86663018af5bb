import type { Ip } from "#net";

/** What decides whether a Service may share an address with others. */
export interface Holder {
  /** `namespace/name`. */
  readonly key: string;
  /** Sharing key and back end in one; null: shares with nobody. */
  readonly group: string | null;
  /** `TCP/80`, … */
  readonly ports: readonly string[];
}

export interface Holding extends Holder {
  readonly pool: string;
  /** In the order of the status. */
  readonly ips: readonly Ip[];
}

export type Conflict =
  | { readonly kind: "sharing"; readonly ip: Ip; readonly users: readonly string[] }
  | { readonly kind: "port"; readonly ip: Ip; readonly port: string };

export function sameHolder(a: Holder, b: Holder): boolean {
  return a.group === b.group && a.ports.length === b.ports.length && a.ports.every((port, i) => port === b.ports[i]);
}
