import { cidrContains, isIp } from "../base/addresses.ts";
import { type FieldError, invalid } from "../base/errors.ts";
import { ensure, type JsonObject, number, objects, text, texts } from "../base/json.ts";
import { familyOf, isHeadless, needsClusterIp, needsHealthCheckPort, needsNodePorts } from "./service-defaults.ts";

const RANGES = { IPv4: "10.96.0.0/16", IPv6: "fd00:96::/112" } as const;
type Family = keyof typeof RANGES;
const NODE_PORTS = { first: 30_000, last: 32_767 } as const;
/** Host numbers below this are left for addresses that somebody asks for, as Kubernetes does. */
const STATIC_BAND = 256;
const LAST_HOST = 65_534;

/**
 * Which cluster IPs and node ports are taken: derived from the stored Services, kept by difference.
 * Giving out reserves nothing; `adopt` after the commit does, so a refused or dry write costs nothing.
 */
export class ServiceAllocators {
  private readonly addresses = new Map<string, number>();
  private readonly ports = new Map<string, number>();
  private readonly random: () => number;

  constructor(random: () => number = Math.random) {
    this.random = random;
  }

  /** Follows one committed change. */
  adopt(service: JsonObject | null, old: JsonObject | null): void {
    if (service) this.count(service, 1);
    if (old) this.count(old, -1);
  }

  /** Fills what the Service needs and has not; tells what it asks for and cannot have. */
  assign(service: JsonObject, old: JsonObject | null): FieldError[] {
    const errors = needsClusterIp(service) && !isHeadless(service) ? this.assignAddresses(service, old) : [];
    errors.push(...this.assignPorts(service, old));
    return errors;
  }

  /** What it asks for and cannot have, among the addresses. */
  addressErrors(service: JsonObject, old: JsonObject | null): FieldError[] {
    const wanted = texts(service, "spec", "clusterIPs");
    const held = new Set(old ? texts(old, "spec", "clusterIPs") : []);
    for (const address of wanted) {
      if (held.has(address) || !isIp(address)) continue;
      const problem = this.addressProblem(address);
      if (problem !== null) return [invalid("spec.clusterIPs", wanted, `failed to allocate IP ${address}: ${problem}`)];
    }
    return [];
  }

  private assignAddresses(service: JsonObject, old: JsonObject | null): FieldError[] {
    const spec = ensure(service, "spec");
    const wanted = texts(spec, "clusterIPs");
    const held = new Set(old ? texts(old, "spec", "clusterIPs") : []);
    for (const address of wanted) {
      if (held.has(address)) continue;
      const problem = this.addressProblem(address);
      if (problem !== null) return [invalid("spec.clusterIPs", wanted, `failed to allocate IP ${address}: ${problem}`)];
    }
    const all = texts(spec, "ipFamilies").map(
      (family, i) => wanted[i] ?? this.freeAddress(family === "IPv6" ? "IPv6" : "IPv4"),
    );
    spec.clusterIPs = all;
    return [];
  }

  private addressProblem(address: string): string | null {
    if (!cidrContains(RANGES[familyOf(address)], address))
      return "the provided network does not match the current range";
    return this.addresses.has(address) ? "provided IP is already allocated" : null;
  }

  private freeAddress(family: Family): string {
    const span = LAST_HOST - STATIC_BAND;
    const start = Math.floor(this.random() * span);
    for (let i = 0; i < span; i += 1) {
      const address = hostAddress(family, STATIC_BAND + ((start + i) % span));
      if (!this.addresses.has(address)) return address;
    }
    throw new Error("failed to allocate a serviceIP: range is full");
  }

  private assignPorts(service: JsonObject, old: JsonObject | null): FieldError[] {
    const errors: FieldError[] = [];
    const spec = ensure(service, "spec");
    const held = new Set(old ? portsOf(old) : []);
    const given = new Set<string>();
    const ports = objects(spec, "ports");
    ports.forEach((port, i) => {
      const wanted = number(port, "nodePort") ?? 0;
      if (wanted === 0) return;
      const key = `${wanted}/${text(port, "protocol")}`;
      const problem = held.has(key) ? null : given.has(key) ? null : this.portProblem(wanted, key);
      if (problem !== null) errors.push(invalid(`spec.ports[${i}].nodePort`, wanted, problem));
      given.add(key);
    });
    if (errors.length > 0) return errors;
    if (needsNodePorts(service))
      for (const port of ports)
        if ((number(port, "nodePort") ?? 0) === 0) port.nodePort = this.freePort(text(port, "protocol"), given, ports);
    if (needsHealthCheckPort(service)) {
      const wanted = number(spec, "healthCheckNodePort") ?? 0;
      if (wanted === 0) spec.healthCheckNodePort = this.freePort("TCP", given, []);
      else if (!held.has(`${wanted}/TCP`)) {
        const problem = this.portProblem(wanted, `${wanted}/TCP`);
        if (problem !== null) errors.push(invalid("spec.healthCheckNodePort", wanted, problem));
      }
    }
    return errors;
  }

  private portProblem(port: number, key: string): string | null {
    if (port < NODE_PORTS.first || port > NODE_PORTS.last)
      return `provided port is not in the valid range. The range of valid ports is ${NODE_PORTS.first}-${NODE_PORTS.last}`;
    return this.ports.has(key) ? "provided port is already allocated" : null;
  }

  /** The same number for the other protocol of the same port where it is free, else any. */
  private freePort(protocol: string, given: Set<string>, siblings: readonly JsonObject[]): number {
    const free = (port: number) => !this.ports.has(`${port}/${protocol}`) && !given.has(`${port}/${protocol}`);
    const take = (port: number) => {
      given.add(`${port}/${protocol}`);
      return port;
    };
    for (const sibling of siblings) {
      const port = number(sibling, "nodePort") ?? 0;
      const target = siblings.find((one) => one.protocol === protocol && one.nodePort === undefined);
      if (port !== 0 && sibling.port === target?.port && free(port)) return take(port);
    }
    const span = NODE_PORTS.last - NODE_PORTS.first + 1;
    const start = Math.floor(this.random() * span);
    for (let i = 0; i < span; i += 1) {
      const port = NODE_PORTS.first + ((start + i) % span);
      if (free(port)) return take(port);
    }
    throw new Error("failed to allocate a nodePort: range is full");
  }

  private count(service: JsonObject, by: 1 | -1): void {
    for (const address of texts(service, "spec", "clusterIPs"))
      if (address !== "None") bump(this.addresses, address, by);
    for (const port of portsOf(service)) bump(this.ports, port, by);
  }
}

function bump(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}

function portsOf(service: JsonObject): string[] {
  const ports = objects(service, "spec", "ports").flatMap((port) => {
    const nodePort = number(port, "nodePort") ?? 0;
    return nodePort === 0 ? [] : [`${nodePort}/${text(port, "protocol")}`];
  });
  const health = number(service, "spec", "healthCheckNodePort") ?? 0;
  return health === 0 ? ports : [...ports, `${health}/TCP`];
}

const hostAddress = (family: Family, host: number): string =>
  family === "IPv4" ? `10.96.${host >> 8}.${host & 255}` : `fd00:96::${host.toString(16)}`;
