import { formatIp, parseIp } from "metallb/net";
import type { ServiceFacts as ShownService } from "metallb/view";

/** What one port of a Service leads to. */
export interface Forward {
  /** The address that clients use. */
  readonly address: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly port: number;
  /** Only endpoints of the node itself, which then see the client's own address. */
  readonly local: boolean;
  readonly endpoints: readonly { readonly address: string; readonly port: number; readonly node: string | null }[];
}

/** A Service of type LoadBalancer, as far as the lab shows and forwards it. */
export interface ServiceFacts extends ShownService {
  readonly local: boolean;
  readonly ports: readonly PortFacts[];
}

export interface PortFacts {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
}

export interface PoolFacts {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly autoAssign: boolean;
}

export interface SliceFacts {
  /** Key of the Service. */
  readonly service: string;
  readonly ports: readonly PortFacts[];
  /** Those that are ready. */
  readonly endpoints: readonly { readonly address: string; readonly node: string | null }[];
}

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const list = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fields) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** These texts become nft rules: only what is an address passes. */
const address = (value: unknown): readonly string[] => {
  const ip = parseIp(text(value));
  return ip.ok ? [formatIp(ip.value)] : [];
};

const portsOf = (value: unknown): readonly PortFacts[] =>
  list(value).flatMap(({ name, protocol, port }) =>
    typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65536
      ? [{ name: text(name), protocol: text(protocol) || "TCP", port }]
      : [],
  );

export function projectService(object: unknown): ServiceFacts | null {
  const { metadata, spec, status } = fields(object);
  const { name, namespace, annotations } = fields(metadata);
  const { type, externalTrafficPolicy, ports, loadBalancerClass } = fields(spec);
  if (type !== "LoadBalancer") return null;
  const { loadBalancer, conditions } = fields(status);
  const allocated = list(conditions).find((condition) => condition.type === "metallb.io/Allocated");
  return {
    key: `${text(namespace)}/${text(name)}`,
    loadBalancerClass: typeof loadBalancerClass === "string" ? loadBalancerClass : null,
    addresses: list(fields(loadBalancer).ingress).flatMap((ingress) => address(ingress.ip)),
    pool: text(fields(annotations)["metallb.io/ip-allocated-from-pool"]),
    pending: allocated === undefined || allocated.status === "True" ? "" : text(allocated.message),
    local: externalTrafficPolicy === "Local",
    ports: portsOf(ports),
  };
}

export function projectPool(object: unknown): PoolFacts | null {
  const { metadata, spec } = fields(object);
  const { addresses, autoAssign } = fields(spec);
  return {
    name: text(fields(metadata).name),
    addresses: Array.isArray(addresses) ? addresses.map(text) : [],
    autoAssign: autoAssign !== false,
  };
}

export function projectSlice(object: unknown): SliceFacts | null {
  const { metadata, endpoints, ports } = fields(object);
  const { namespace, labels } = fields(metadata);
  const service = text(fields(labels)["kubernetes.io/service-name"]);
  if (service === "") return null;
  return {
    service: `${text(namespace)}/${service}`,
    ports: portsOf(ports),
    endpoints: list(endpoints).flatMap(({ addresses, conditions, nodeName }) => {
      if (fields(conditions).ready === false) return [];
      const [first] = Array.isArray(addresses) ? address(addresses[0]) : [];
      return first === undefined ? [] : [{ address: first, node: typeof nodeName === "string" ? nodeName : null }];
    }),
  };
}

const PROTOCOLS: Readonly<Record<string, Forward["protocol"]>> = { TCP: "tcp", UDP: "udp", SCTP: "sctp" };

/** What the nodes forward for one Service: each address and port to the endpoints of its family. */
export function forwardsOf(service: ServiceFacts, slices: readonly SliceFacts[]): readonly Forward[] {
  return service.addresses.flatMap((ip) =>
    service.ports.flatMap(({ name, protocol, port }) => {
      const known = PROTOCOLS[protocol];
      if (known === undefined) return [];
      const endpoints = slices.flatMap((slice) => {
        const target = slice.ports.find((each) => each.name === name && each.protocol === protocol);
        if (target === undefined) return [];
        return slice.endpoints
          .filter((endpoint) => endpoint.address.includes(":") === ip.includes(":"))
          .map((endpoint) => ({ ...endpoint, port: target.port }));
      });
      return [{ address: ip, protocol: known, port, local: service.local, endpoints }];
    }),
  );
}
