import { ensure, isObject, type JsonObject, list, number, objects, strings, text, texts } from "../base/json.ts";

const isIp6 = (address: string): boolean => address.includes(":");
export const familyOf = (address: string): "IPv4" | "IPv6" => (isIp6(address) ? "IPv6" : "IPv4");

export const isHeadless = (service: JsonObject): boolean =>
  texts(service, "spec", "clusterIPs")[0] === "None" || text(service, "spec", "clusterIP") === "None";
export const needsClusterIp = (service: JsonObject): boolean => text(service, "spec", "type") !== "ExternalName";
export const isLoadBalancer = (service: JsonObject): boolean => text(service, "spec", "type") === "LoadBalancer";

/** Whether ports of the nodes are given out for it. */
export function needsNodePorts(service: JsonObject): boolean {
  const type = text(service, "spec", "type");
  return (
    type === "NodePort" || (type === "LoadBalancer" && ensure(service, "spec").allocateLoadBalancerNodePorts !== false)
  );
}

export const needsHealthCheckPort = (service: JsonObject): boolean =>
  isLoadBalancer(service) && text(service, "spec", "externalTrafficPolicy") === "Local";

const isExternal = (service: JsonObject): boolean =>
  ["NodePort", "LoadBalancer"].includes(text(service, "spec", "type")) ||
  texts(service, "spec", "externalIPs").length > 0;

/** The defaults of v1.Service, in the order in which the API applies them. */
export function setServiceDefaults(service: JsonObject): void {
  const spec = ensure(service, "spec");
  // What is written as zero is the same as absent.
  if (spec.healthCheckNodePort === 0) delete spec.healthCheckNodePort;
  if (spec.publishNotReadyAddresses === false) delete spec.publishNotReadyAddresses;
  if (isObject(spec.selector) && Object.keys(spec.selector).length === 0) delete spec.selector;
  spec.sessionAffinity ??= "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP") {
    const client = ensure(ensure(spec, "sessionAffinityConfig"), "clientIP");
    client.timeoutSeconds ??= 10_800;
  }
  spec.type ??= "ClusterIP";
  for (const port of objects(spec, "ports")) {
    port.protocol ??= "TCP";
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === "")
      port.targetPort = port.port ?? 0;
    if (port.nodePort === 0) delete port.nodePort;
    if (port.name === "") delete port.name;
  }
  if (spec.externalTrafficPolicy === "") delete spec.externalTrafficPolicy;
  if (isExternal(service)) spec.externalTrafficPolicy ??= "Cluster";
  if (["ClusterIP", "NodePort", "LoadBalancer"].includes(text(spec, "type"))) spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type === "LoadBalancer") spec.allocateLoadBalancerNodePorts ??= true;
  setIngressDefaults(service);
}

export function setIngressDefaults(service: JsonObject): void {
  const balancer = ensure(ensure(service, "status"), "loadBalancer");
  if (!isLoadBalancer(service)) return;
  for (const ingress of objects(balancer, "ingress")) if (text(ingress, "ip") !== "") ingress.ipMode ??= "VIP";
}

/** `clusterIP` and `clusterIPs` say the same; which of them the user changed decides. */
export function normalizeClusterIps(service: JsonObject, old: JsonObject | null): void {
  const spec = ensure(service, "spec");
  const one = text(spec, "clusterIP");
  const many = texts(spec, "clusterIPs");
  if (old === null) {
    if (one !== "" && many.length === 0) spec.clusterIPs = [one];
    return;
  }
  const oldOne = text(old, "spec", "clusterIP");
  const sameOne = one === oldOne;
  const sameMany = texts(old, "spec", "clusterIPs").join() === many.join();
  if (!sameOne && sameMany) {
    if (one === "") delete spec.clusterIPs;
    else spec.clusterIPs = [one];
  } else if (sameOne && !sameMany) {
    if (many[0] === undefined) delete spec.clusterIP;
    else spec.clusterIP = many[0];
  }
}

/** What a change of type makes meaningless goes, unless the user set it in the same write. */
export function dropTypeDependentFields(service: JsonObject, old: JsonObject): void {
  const spec = ensure(service, "spec");
  const before = ensure(old, "spec");
  const same = (key: string) => JSON.stringify(spec[key]) === JSON.stringify(before[key]);
  if (needsClusterIp(old) && !needsClusterIp(service)) {
    if (same("clusterIP") && same("clusterIPs")) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (same("ipFamilies")) delete spec.ipFamilies;
    if (same("ipFamilyPolicy")) delete spec.ipFamilyPolicy;
    if (same("internalTrafficPolicy")) delete spec.internalTrafficPolicy;
  }
  const ports = (value: JsonObject) =>
    objects(value, "ports")
      .map((port) => number(port, "nodePort") ?? 0)
      .join();
  if (usesNodePorts(old) && !usesNodePorts(service) && ports(spec) === ports(before))
    for (const port of objects(spec, "ports")) delete port.nodePort;
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(service) && same("healthCheckNodePort"))
    delete spec.healthCheckNodePort;
  if (isLoadBalancer(old) && !isLoadBalancer(service)) {
    if (same("allocateLoadBalancerNodePorts")) delete spec.allocateLoadBalancerNodePorts;
    if (same("loadBalancerClass")) delete spec.loadBalancerClass;
  }
  if (isExternal(old) && !isExternal(service) && same("externalTrafficPolicy")) delete spec.externalTrafficPolicy;
  if (!isLoadBalancer(service)) service.status = { ...ensure(service, "status"), loadBalancer: {} };
}

const usesNodePorts = (service: JsonObject) => ["NodePort", "LoadBalancer"].includes(text(service, "spec", "type"));

/** An update that leaves out what the server gave keeps it. */
export function keepAllocated(service: JsonObject, old: JsonObject): void {
  const spec = ensure(service, "spec");
  const before = ensure(old, "spec");
  if (needsClusterIp(service) && needsClusterIp(old)) {
    const held = text(before, "clusterIP");
    if (text(spec, "clusterIP") === "" && held !== "") spec.clusterIP = held;
    if (list(spec, "clusterIPs").length === 0 && text(spec, "clusterIP") === held && before.clusterIPs !== undefined)
      spec.clusterIPs = [...texts(before, "clusterIPs")];
  }
  if (usesNodePorts(service) && usesNodePorts(old)) {
    const known = new Map(objects(before, "ports").map((port) => [portKey(port), number(port, "nodePort") ?? 0]));
    const taken = new Set(objects(spec, "ports").map((port) => number(port, "nodePort") ?? 0));
    for (const port of objects(spec, "ports")) {
      const given = known.get(portKey(port));
      if (port.nodePort === undefined && given !== undefined && given !== 0 && !taken.has(given)) port.nodePort = given;
    }
  }
  if (
    needsHealthCheckPort(service) &&
    needsHealthCheckPort(old) &&
    spec.healthCheckNodePort === undefined &&
    before.healthCheckNodePort !== undefined
  )
    spec.healthCheckNodePort = before.healthCheckNodePort;
}

const portKey = (port: JsonObject) => `${text(port, "protocol")}/${number(port, "port") ?? 0}`;

/** Fills `ipFamilies` and `ipFamilyPolicy` from what was asked and, on a change, from what was. */
export function setFamilies(service: JsonObject, old: JsonObject | null): void {
  const spec = ensure(service, "spec");
  if (!needsClusterIp(service)) return;
  if (old !== null && needsClusterIp(old)) trimOrExtend(spec, ensure(old, "spec"));
  const addresses = texts(spec, "clusterIPs");
  const headless = addresses[0] === "None";
  const families = texts(spec, "ipFamilies");
  if (spec.ipFamilyPolicy === undefined) {
    const selectorless = headless && Object.keys(strings(spec, "selector")).length === 0;
    const asksTwo =
      (!headless && addresses.length === 2) || families.length === 2 || (selectorless && families.length === 0);
    spec.ipFamilyPolicy = asksTwo ? "RequireDualStack" : "SingleStack";
  }
  if (!headless) {
    addresses.forEach((address, i) => {
      families[i] ??= familyOf(address);
    });
  }
  families[0] ??= "IPv4";
  if (spec.ipFamilyPolicy !== "SingleStack" && families.length === 1)
    families.push(families[0] === "IPv4" ? "IPv6" : "IPv4");
  spec.ipFamilies = families;
}

/** Going to one stack drops what was second, unless the user touched the lists in the same write. */
function trimOrExtend(spec: JsonObject, before: JsonObject): void {
  if (spec.ipFamilies === undefined && before.ipFamilies !== undefined)
    spec.ipFamilies = [...texts(before, "ipFamilies")];
  if (spec.ipFamilyPolicy === undefined && before.ipFamilyPolicy !== undefined)
    spec.ipFamilyPolicy = before.ipFamilyPolicy;
  const toSingle = spec.ipFamilyPolicy === "SingleStack" && before.ipFamilyPolicy !== "SingleStack";
  if (!toSingle) return;
  const unchanged = (key: string) => texts(spec, key).join() === texts(before, key).join();
  if (unchanged("clusterIPs") && texts(spec, "clusterIPs").length === 2)
    spec.clusterIPs = texts(spec, "clusterIPs").slice(0, 1);
  if (unchanged("ipFamilies") && texts(spec, "ipFamilies").length === 2)
    spec.ipFamilies = texts(spec, "ipFamilies").slice(0, 1);
}

/** `clusterIP` follows the list. */
export function mirrorClusterIp(service: JsonObject): void {
  const spec = service.spec;
  if (!isObject(spec)) return;
  const first = texts(spec, "clusterIPs")[0];
  if (first === undefined) delete spec.clusterIP;
  else spec.clusterIP = first;
}
