import type { FieldError } from "../base/errors.ts";
import { ensure, isObject, type JsonObject, number, objects, strings, text, texts } from "../base/json.ts";
import { CORE, define } from "./define.ts";
import { AGE, column, created, formatLabels, NAME, NONE, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";
import type { ServiceAllocators } from "./service-allocators.ts";
import {
  dropTypeDependentFields,
  keepAllocated,
  mirrorClusterIp,
  normalizeClusterIps,
  setFamilies,
  setIngressDefaults,
  setServiceDefaults,
} from "./service-defaults.ts";
import { clusterIpMismatch, validateService, validateServiceStatus } from "./service-validation.ts";

/** v1.Service: what it is given when it is written, and what is refused. */
function serviceStrategy(allocators: ServiceAllocators): Strategy {
  return {
    ...PLAIN,
    setDefaults: setServiceDefaults,
    prepareCreate: (service) => {
      service.status = { loadBalancer: {} };
      normalizeClusterIps(service, null);
    },
    prepareUpdate: (service, old) => {
      service.status = isObject(old.status) ? old.status : { loadBalancer: {} };
      keepAllocated(service, old);
      normalizeClusterIps(service, old);
      dropTypeDependentFields(service, old);
    },
    prepareStatus: (service, old) => {
      service.spec = ensure(old, "spec");
      setIngressDefaults(service);
    },
    // Addresses are given only to what is valid, and what cannot be had is one more refusal.
    validate: (service, old): FieldError[] => {
      const mismatch = clusterIpMismatch(service);
      if (mismatch.length > 0) return mismatch;
      setFamilies(service, old);
      mirrorClusterIp(service);
      // On creation addresses are looked at first of all, as the API does.
      const unavailable = old === null ? allocators.addressErrors(service, old) : [];
      if (unavailable.length > 0) return unavailable;
      const errors = validateService(service, old);
      if (errors.length > 0) return errors;
      const refused = allocators.assign(service, old);
      mirrorClusterIp(service);
      return refused;
    },
    validateStatus: (service) => validateServiceStatus(service),
  };
}

function externalIp(service: JsonObject): string {
  const ips = texts(service, "spec", "externalIPs");
  switch (text(service, "spec", "type")) {
    case "ExternalName":
      return text(service, "spec", "externalName");
    case "LoadBalancer": {
      const given = objects(service, "status", "loadBalancer", "ingress").map(
        (ingress) => text(ingress, "ip") || text(ingress, "hostname"),
      );
      const all = [...new Set(given), ...ips];
      return all.length === 0 ? "<pending>" : all.join(",");
    }
    default:
      return ips.length === 0 ? NONE : ips.join(",");
  }
}

function servicePorts(service: JsonObject): string {
  const ports = objects(service, "spec", "ports").map((port) => {
    const nodePort = number(port, "nodePort") ?? 0;
    const numbers = nodePort > 0 ? `${number(port, "port")}:${nodePort}` : `${number(port, "port")}`;
    return `${numbers}/${text(port, "protocol")}`;
  });
  return ports.length === 0 ? NONE : ports.join(",");
}

const servicePrinter = printer(
  [NAME, column("Type"), column("Cluster-IP"), column("External-IP"), column("Port(s)"), AGE, column("Selector", 1)],
  (service, now) => [
    nameOf(service),
    text(service, "spec", "type"),
    texts(service, "spec", "clusterIPs")[0] ?? (text(service, "spec", "clusterIP") || NONE),
    externalIp(service),
    servicePorts(service),
    created(service, now),
    formatLabels(strings(service, "spec", "selector")),
  ],
);

/** Services. Cluster IPs and node ports come from the allocators. */
export const service = (allocators: ServiceAllocators): Resource =>
  define({
    kind: "Service",
    plural: "services",
    shortNames: ["svc"],
    categories: ["all"],
    hasStatus: true,
    names: "label",
    fields: ["spec.clusterIP", "spec.type"],
    definition: `${CORE}.Service`,
    printer: servicePrinter,
    strategy: serviceStrategy(allocators),
  });
