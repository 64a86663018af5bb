import { isCidr, isIp, isMapped } from "../base/addresses.ts";
import { duplicate, type FieldError, forbidden, invalid, required, unsupported } from "../base/errors.ts";
import {
  isObject,
  type Json,
  type JsonObject,
  list,
  number,
  object,
  objects,
  strings,
  text,
  texts,
} from "../base/json.ts";
import { labelErrors, nameProblems, qualifiedNameProblems } from "../base/names.ts";
import { familyOf, isHeadless, isLoadBalancer, needsClusterIp } from "./service-defaults.ts";

const PORT_RANGE = "must be between 1 and 65535, inclusive";
const IP_TEXT = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const SERVICE_NAME = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;

const validPort = (port: Json | undefined) => typeof port === "number" && port >= 1 && port <= 65_535;

/** What the API refuses about a Service that has its defaults. `old` is null for a new one. */
export function validateService(service: JsonObject, old: JsonObject | null): FieldError[] {
  return [
    ...(old ? updateErrors(service, old) : []),
    ...typeErrors(service),
    ...portErrors(service),
    ...choiceErrors(service),
    ...addressErrors(service),
    ...policyErrors(service),
  ];
}

/** The one address and the list of addresses have to say the same. */
export function clusterIpMismatch(service: JsonObject): FieldError[] {
  const one = text(service, "spec", "clusterIP");
  const many = texts(service, "spec", "clusterIPs");
  if (one === "" && many.length > 0)
    return [invalid("spec.clusterIPs", many, "must be empty when `clusterIP` is not specified")];
  return many.length > 0 && many[0] !== one
    ? [invalid("spec.clusterIPs", many, "first value must match `clusterIP`")]
    : [];
}

function typeErrors(service: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const spec = object(service, "spec");
  const type = text(spec, "type");
  const ports = list(spec, "ports");
  if (ports.length === 0 && !isHeadless(service) && type !== "ExternalName") errors.push(required("spec.ports"));
  if (type === "LoadBalancer") {
    if (isHeadless(service))
      errors.push(invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for LoadBalancer services"));
  }
  if (type === "NodePort" && isHeadless(service))
    errors.push(invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for NodePort services"));
  if (type === "ExternalName") {
    if (texts(spec, "clusterIPs").length > 0)
      errors.push(forbidden("spec.clusterIPs", "may not be set when `type` is 'ExternalName'"));
    if (texts(spec, "ipFamilies").length > 0)
      errors.push(forbidden("spec.ipFamilies", "may not be set when `type` is 'ExternalName'"));
    if (spec.ipFamilyPolicy !== undefined)
      errors.push(forbidden("spec.ipFamilyPolicy", "may not be set when `type` is 'ExternalName'"));
    const name = text(spec, "externalName").replace(/\.$/, "");
    if (name === "") errors.push(required("spec.externalName"));
    else
      errors.push(
        ...nameProblems(name, "subdomain").map((problem) =>
          invalid("spec.externalName", text(spec, "externalName"), problem),
        ),
      );
  }
  return errors;
}

function portErrors(service: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const ports = objects(service, "spec", "ports");
  const names = new Set<string>();
  const numbers = new Set<string>();
  const nodePorts = new Set<string>();
  ports.forEach((port, i) => {
    const at = `spec.ports[${i}]`;
    const name = text(port, "name");
    if (name === "" && ports.length > 1) errors.push(required(`${at}.name`));
    else if (name !== "") {
      errors.push(...nameProblems(name, "label").map((problem) => invalid(`${at}.name`, name, problem)));
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    if (!validPort(port.port)) errors.push(invalid(`${at}.port`, port.port ?? 0, PORT_RANGE));
    const protocol = text(port, "protocol");
    if (protocol === "") errors.push(required(`${at}.protocol`));
    else if (!["SCTP", "TCP", "UDP"].includes(protocol))
      errors.push(unsupported(`${at}.protocol`, protocol, ["SCTP", "TCP", "UDP"]));
    errors.push(...targetPortErrors(port.targetPort, `${at}.targetPort`));
    const identity = `${protocol}/${number(port, "port") ?? 0}`;
    if (numbers.has(identity)) errors.push(duplicate(at, { protocol, port: port.port ?? 0 }));
    numbers.add(identity);
    const nodePort = number(port, "nodePort") ?? 0;
    if (nodePort !== 0) {
      const type = text(service, "spec", "type");
      if (type === "ClusterIP" || type === "ExternalName")
        errors.push(forbidden(`${at}.nodePort`, `may not be used when \`type\` is '${type}'`));
      const key = `${protocol}/${nodePort}`;
      if (nodePorts.has(key)) errors.push(duplicate(`${at}.nodePort`, nodePort));
      nodePorts.add(key);
    }
  });
  return errors;
}

function targetPortErrors(target: Json | undefined, at: string): FieldError[] {
  if (typeof target === "number") return validPort(target) ? [] : [invalid(at, target, PORT_RANGE)];
  if (typeof target !== "string" || SERVICE_NAME.test(target)) return [];
  if (target.length > 15) return [invalid(at, target, "must be no more than 15 characters")];
  return [invalid(at, target, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")];
}

const CHOICES = [
  ["type", ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]],
  ["sessionAffinity", ["ClientIP", "None"]],
  ["internalTrafficPolicy", ["Cluster", "Local"]],
  ["ipFamilyPolicy", ["SingleStack", "PreferDualStack", "RequireDualStack"]],
] as const;

function choiceErrors(service: JsonObject): FieldError[] {
  const spec = object(service, "spec");
  const errors = CHOICES.flatMap(([member, allowed]) => {
    const value = spec[member];
    return value === undefined || (allowed as readonly Json[]).includes(value)
      ? []
      : [unsupported(`spec.${member}`, value, allowed)];
  });
  errors.push(...labelErrors(strings(spec, "selector"), "spec.selector"));
  const seconds = number(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds");
  if (seconds !== null && (seconds <= 0 || seconds > 86_400))
    errors.push(
      invalid(
        "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
        seconds,
        "must be greater than 0 and less than 86400",
      ),
    );
  return errors;
}

function addressErrors(service: JsonObject): FieldError[] {
  const spec = object(service, "spec");
  const errors: FieldError[] = [];
  texts(spec, "externalIPs").forEach((address, i) => {
    if (!isIp(address)) errors.push(invalid(`spec.externalIPs[${i}]`, address, IP_TEXT));
  });
  if (!needsClusterIp(service)) return errors;
  const families = texts(spec, "ipFamilies");
  families.forEach((family, i) => {
    if (family !== "IPv4" && family !== "IPv6")
      errors.push(unsupported(`spec.ipFamilies[${i}]`, family, ["IPv4", "IPv6"]));
    else if (families.indexOf(family) !== i) errors.push(duplicate(`spec.ipFamilies[${i}]`, family));
  });
  if (spec.ipFamilyPolicy === "SingleStack" && families.length > 1)
    errors.push(invalid("spec.ipFamilyPolicy", "SingleStack", "may only be used with a single IP family"));
  const addresses = texts(spec, "clusterIPs");
  if (addresses.length > 2) errors.push(invalid("spec.clusterIPs", addresses, "may only hold up to 2 values"));
  addresses.forEach((address, i) => {
    const at = `spec.clusterIPs[${i}]`;
    if (address === "None") {
      if (addresses.length > 1) errors.push(invalid(at, address, "must be one of: 'None'"));
    } else if (!isIp(address)) errors.push(invalid(at, address, IP_TEXT));
    else if (families[i] !== undefined && families[i] !== familyOf(address))
      errors.push(invalid(at, address, `expected an ${families[i]} value as indicated by \`ipFamilies[${i}]\``));
  });
  const [first, second] = addresses;
  if (first !== undefined && second !== undefined && first !== "None" && familyOf(first) === familyOf(second))
    errors.push(invalid("spec.clusterIPs", addresses, "may specify no more than one IP for each IP family"));
  return errors;
}

function policyErrors(service: JsonObject): FieldError[] {
  const spec = object(service, "spec");
  const errors: FieldError[] = [];
  const balancer = isLoadBalancer(service);
  const type = text(spec, "type");
  const external = spec.externalTrafficPolicy;
  const exposed = type === "NodePort" || balancer || texts(spec, "externalIPs").length > 0;
  if (external !== undefined && external !== "") {
    if (!exposed)
      errors.push(
        invalid("spec.externalTrafficPolicy", external, "may only be set for externally-accessible services"),
      );
    else if (external !== "Cluster" && external !== "Local")
      errors.push(unsupported("spec.externalTrafficPolicy", external, ["Cluster", "Local"]));
  }
  const health = number(spec, "healthCheckNodePort") ?? 0;
  if (health !== 0 && !(balancer && external === "Local"))
    errors.push(
      invalid(
        "spec.healthCheckNodePort",
        health,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ),
    );
  if (spec.allocateLoadBalancerNodePorts !== undefined && !balancer)
    errors.push(forbidden("spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'"));
  const loadBalancerClass = spec.loadBalancerClass;
  if (typeof loadBalancerClass === "string") {
    const at = "spec.loadBalancerClass";
    if (!balancer) errors.push(forbidden(at, "may only be used when `type` is 'LoadBalancer'"));
    else errors.push(...qualifiedNameProblems(loadBalancerClass).map((what) => invalid(at, loadBalancerClass, what)));
  }
  const sources = texts(spec, "loadBalancerSourceRanges");
  if (sources.length > 0 && !balancer)
    errors.push(forbidden("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'"));
  sources.forEach((range, i) => {
    if (!isCidr(range.trim()))
      errors.push(
        invalid(
          `spec.loadBalancerSourceRanges[${i}]`,
          range,
          "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
        ),
      );
  });
  return errors;
}

function updateErrors(service: JsonObject, old: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const spec = object(service, "spec");
  const before = object(old, "spec");
  if (isLoadBalancer(service) && isLoadBalancer(old) && spec.loadBalancerClass !== before.loadBalancerClass)
    errors.push(invalid("spec.loadBalancerClass", spec.loadBalancerClass ?? null, "may not change once set"));
  if (needsClusterIp(service) && needsClusterIp(old)) {
    const addresses = texts(spec, "clusterIPs");
    const held = texts(before, "clusterIPs");
    if (held[0] !== undefined && addresses[0] !== held[0])
      errors.push(invalid("spec.clusterIPs[0]", addresses, "may not change once set"));
    const families = texts(spec, "ipFamilies");
    const heldFamilies = texts(before, "ipFamilies");
    if (heldFamilies[0] !== undefined && families[0] !== heldFamilies[0] && held[0] !== undefined)
      errors.push(invalid("spec.ipFamilies[0]", families, "may not change once set"));
  }
  return errors;
}

export function validateServiceStatus(service: JsonObject): FieldError[] {
  const ingress = list(service, "status", "loadBalancer", "ingress");
  if (ingress.length > 0 && !isLoadBalancer(service))
    return [forbidden("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'")];
  return ingress.flatMap((one, i) => {
    const at = `status.loadBalancer.ingress[${i}]`;
    if (!isObject(one)) return [];
    const errors: FieldError[] = [];
    const ip = text(one, "ip");
    if (ip !== "" && !isIp(ip)) errors.push(invalid(`${at}.ip`, ip, IP_TEXT));
    else if (isMapped(ip)) errors.push(invalid(`${at}.ip`, ip, "must not be an IPv4-mapped IPv6 address"));
    if (ip === "" && one.ipMode !== undefined)
      errors.push(forbidden(`${at}.ipMode`, "may not be specified when `ip` is not set"));
    if (ip !== "" && !["Proxy", "VIP"].includes(text(one, "ipMode")))
      errors.push(unsupported(`${at}.ipMode`, one.ipMode ?? "", ["Proxy", "VIP"]));
    const hostname = text(one, "hostname");
    if (isIp(hostname)) errors.push(invalid(`${at}.hostname`, hostname, "must be a DNS name, not an IP address"));
    else if (hostname !== "")
      errors.push(
        ...nameProblems(hostname, "subdomain").map((problem) => invalid(`${at}.hostname`, hostname, problem)),
      );
    return errors;
  });
}
