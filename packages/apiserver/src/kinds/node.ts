import { forbidden } from "../base/errors.ts";
import { ensure, get, type JsonObject, object, objects, strings, text } from "../base/json.ts";
import { CORE, define } from "./define.ts";
import { AGE, column, created, NAME, NONE, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";
import { keepSpec, keepStatus } from "./strategy.ts";

const nodeStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (node) => {
    ensure(node, "spec");
    const status = ensure(node, "status");
    if (status.allocatable === undefined && status.capacity !== undefined) status.allocatable = status.capacity;
    status.daemonEndpoints ??= { kubeletEndpoint: { Port: 0 } };
    status.nodeInfo ??= Object.fromEntries(
      [
        "machineID",
        "systemUUID",
        "bootID",
        "kernelVersion",
        "osImage",
        "containerRuntimeVersion",
        "kubeletVersion",
        "kubeProxyVersion",
        "operatingSystem",
        "architecture",
      ].map((key) => [key, ""]),
    );
  },
  prepareUpdate: keepStatus,
  prepareStatus: keepSpec,
  validate: (node, old) => {
    const before = text(old ?? {}, "spec", "podCIDR");
    return old && before !== "" && before !== text(node, "spec", "podCIDR")
      ? [forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')]
      : [];
  },
};

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

const nodePrinter = printer(
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

/** Nodes. */
export const node: Resource = define({
  kind: "Node",
  plural: "nodes",
  shortNames: ["no"],
  namespaced: false,
  hasStatus: true,
  fields: ["spec.unschedulable"],
  definition: `${CORE}.Node`,
  printer: nodePrinter,
  strategy: nodeStrategy,
});
