import { get, type JsonObject, list, number, object, objects, strings, text, texts } from "./json.ts";
import type { Cell, Column, Printer } from "./resource.ts";

const NONE = "<none>";

const column = (name: string, priority = 0, format = ""): Column => ({
  name,
  type: "string",
  format,
  description: "",
  priority,
});

/** `3d4h` and the like, as kubectl prints the time since. @param now milliseconds */
export function age(timestamp: string, now: number): string {
  const then = Date.parse(timestamp);
  return Number.isNaN(then) ? "<unknown>" : humanDuration(now - then);
}

/** Kubernetes' short form of a duration: two units at most, fewer as it grows. */
function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  const pair = (big: number, bigUnit: string, small: number, smallUnit: string) =>
    small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return pair(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return days < 2920 ? pair(years, "y", days % 365, "d") : `${years}y`;
}

const nameOf = (value: JsonObject) => text(value, "metadata", "name");
const created = (value: JsonObject, now: number) => age(text(value, "metadata", "creationTimestamp"), now);

function formatLabels(labels: Record<string, string>): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`);
  return pairs.length === 0 ? NONE : pairs.join(",");
}

const printer = (columns: readonly Column[], cells: Printer["cells"]): Printer => ({ columns, cells });

const NAME = column("Name", 0, "name");
const AGE = column("Age");

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

export const servicePrinter = printer(
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

const ROLE = "node-role.kubernetes.io/";

function nodeStatus(node: JsonObject): string {
  const ready = objects(node, "status", "conditions").find((condition) => text(condition, "type") === "Ready");
  const words = [!ready ? "Unknown" : text(ready, "status") === "True" ? "Ready" : "NotReady"];
  if (get(node, "spec", "unschedulable") === true) words.push("SchedulingDisabled");
  return words.join(",");
}

function nodeRoles(node: JsonObject): string {
  const labels = strings(node, "metadata", "labels");
  const roles = Object.keys(labels).flatMap((key) =>
    key.startsWith(ROLE) && key !== ROLE
      ? [key.slice(ROLE.length)]
      : key === "kubernetes.io/role"
        ? [labels[key] ?? ""]
        : [],
  );
  return roles.length === 0 ? NONE : roles.sort().join(",");
}

const nodeAddress = (node: JsonObject, type: string): string =>
  text(
    objects(node, "status", "addresses").find((address) => text(address, "type") === type),
    "address",
  ) || NONE;

export const nodePrinter = printer(
  [
    NAME,
    column("Status"),
    column("Roles"),
    AGE,
    column("Version"),
    column("Internal-IP", 1),
    column("External-IP", 1),
    column("OS-Image", 1),
    column("Kernel-Version", 1),
    column("Container-Runtime", 1),
  ],
  (node, now) => {
    const info = object(node, "status", "nodeInfo");
    const or = (key: string) => text(info, key) || "<unknown>";
    return [
      nameOf(node),
      nodeStatus(node),
      nodeRoles(node),
      created(node, now),
      text(info, "kubeletVersion"),
      nodeAddress(node, "InternalIP"),
      nodeAddress(node, "ExternalIP"),
      or("osImage"),
      or("kernelVersion"),
      or("containerRuntimeVersion"),
    ];
  },
);

function podStatus(pod: JsonObject, statuses: readonly JsonObject[]): string {
  if (get(pod, "metadata", "deletionTimestamp") !== undefined)
    return text(pod, "status", "reason") === "NodeLost" ? "Unknown" : "Terminating";
  let reason = text(pod, "status", "reason") || text(pod, "status", "phase");
  for (const status of statuses.toReversed()) {
    reason = text(status, "state", "waiting", "reason") || text(status, "state", "terminated", "reason") || reason;
  }
  return reason;
}

export const podPrinter = printer(
  [
    NAME,
    column("Ready"),
    column("Status"),
    column("Restarts"),
    AGE,
    column("IP", 1),
    column("Node", 1),
    column("Nominated Node", 1),
    column("Readiness Gates", 1),
  ],
  (pod, now) => {
    const statuses = objects(pod, "status", "containerStatuses");
    const ready = statuses.filter((status) => get(status, "ready") === true && isRunning(status)).length;
    const restarts = statuses.reduce((sum, status) => sum + (number(status, "restartCount") ?? 0), 0);
    const gates = objects(pod, "spec", "readinessGates");
    const open = gates.filter((gate) =>
      objects(pod, "status", "conditions").some(
        (one) => text(one, "type") === text(gate, "conditionType") && text(one, "status") === "True",
      ),
    );
    return [
      nameOf(pod),
      `${ready}/${list(pod, "spec", "containers").length}`,
      podStatus(pod, statuses),
      String(restarts),
      created(pod, now),
      text(objects(pod, "status", "podIPs")[0], "ip") || NONE,
      text(pod, "spec", "nodeName") || NONE,
      text(pod, "status", "nominatedNodeName") || NONE,
      gates.length === 0 ? NONE : `${open.length}/${gates.length}`,
    ];
  },
);

const isRunning = (status: JsonObject) => get(status, "state", "running") !== undefined;

export const namespacePrinter = printer([NAME, column("Status"), AGE], (namespace, now) => [
  nameOf(namespace),
  text(namespace, "status", "phase"),
  created(namespace, now),
]);

/** At most three are named. */
function some(all: readonly string[], empty: string): string {
  if (all.length === 0) return empty;
  return all.length > 3 ? `${all.slice(0, 3).join(",")} + ${all.length - 3} more...` : all.join(",");
}

export const endpointSlicePrinter = printer(
  [NAME, column("AddressType"), column("Ports"), column("Endpoints"), AGE],
  (slice, now) => [
    nameOf(slice),
    text(slice, "addressType"),
    some(
      objects(slice, "ports").map((port) => String(number(port, "port") ?? "*")),
      "<unset>",
    ),
    some(
      objects(slice, "endpoints").flatMap((endpoint) => texts(endpoint, "addresses")),
      "<unset>",
    ),
    created(slice, now),
  ],
);

function seen(event: JsonObject, now: number): { first: string; last: string } {
  const time = (key: string) => text(event, key);
  const first = time("firstTimestamp") || time("deprecatedFirstTimestamp") || time("eventTime");
  const last =
    text(event, "series", "lastObservedTime") || time("lastTimestamp") || time("deprecatedLastTimestamp") || first;
  return { first: age(first, now), last: age(last, now) };
}

function eventSource(event: JsonObject): string {
  const source = object(event, "source");
  const component = text(source, "component") || text(event, "reportingComponent");
  const host = text(source, "host") || text(event, "reportingInstance");
  return host === "" ? component : `${component}, ${host}`;
}

export const eventPrinter = printer(
  [
    column("Last Seen"),
    column("Type"),
    column("Reason"),
    column("Object"),
    column("Subobject", 1),
    column("Source", 1),
    column("Message"),
    column("First Seen", 1),
    column("Count", 1),
    column("Name", 1, "name"),
  ],
  (event, now): Cell[] => {
    const about = object(event, "involvedObject");
    const kind = text(about, "kind").toLowerCase();
    const { first, last } = seen(event, now);
    return [
      last,
      text(event, "type"),
      text(event, "reason"),
      text(about, "name") === "" ? kind : `${kind}/${text(about, "name")}`,
      text(about, "fieldPath"),
      eventSource(event),
      text(event, "message").trim(),
      first,
      number(event, "series", "count") ?? (number(event, "count") || 1),
      nameOf(event),
    ];
  },
);

export const leasePrinter = printer([NAME, column("Holder"), AGE], (lease, now) => [
  nameOf(lease),
  text(lease, "spec", "holderIdentity"),
  created(lease, now),
]);

export const secretPrinter = printer([NAME, column("Type"), column("Data"), AGE], (secret, now) => [
  nameOf(secret),
  text(secret, "type"),
  Object.keys(object(secret, "data")).length,
  created(secret, now),
]);

export const configMapPrinter = printer([NAME, column("Data"), AGE], (map, now) => [
  nameOf(map),
  Object.keys(object(map, "data")).length + Object.keys(object(map, "binaryData")).length,
  created(map, now),
]);

export const definitionPrinter = printer([NAME, { ...column("Created At"), type: "date" }], (definition) => [
  nameOf(definition),
  text(definition, "metadata", "creationTimestamp"),
]);
