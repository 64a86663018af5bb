import { type FieldError, forbidden, required } from "../base/errors.ts";
import { ensure, equal, get, type JsonObject, list, number, objects, text } from "../base/json.ts";
import { CORE, define } from "./define.ts";
import { AGE, column, created, NAME, NONE, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";
import { bumpGeneration, keepSpec, keepStatus, setGeneration } from "./strategy.ts";

/** The defaults of v1.Pod. */
function setPodDefaults(pod: JsonObject): void {
  const spec = ensure(pod, "spec");
  spec.restartPolicy ??= "Always";
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ??= "ClusterFirst";
  spec.securityContext ??= {};
  spec.schedulerName ??= "default-scheduler";
  spec.enableServiceLinks ??= true;
  spec.preemptionPolicy ??= "PreemptLowerPriority";
  spec.priority ??= 0;
  spec.tolerations ??= ["not-ready", "unreachable"].map((key) => ({
    key: `node.kubernetes.io/${key}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 300,
  }));
  for (const container of [...objects(spec, "containers"), ...objects(spec, "initContainers")]) {
    setContainerDefaults(container, spec.hostNetwork === true);
  }
  for (const volume of objects(spec, "volumes"))
    for (const kind of ["secret", "configMap", "downwardAPI", "projected"])
      if (volume[kind] !== undefined) ensure(volume, kind).defaultMode ??= 420;
}

function setContainerDefaults(container: JsonObject, hostNetwork: boolean): void {
  const image = text(container, "image");
  const tag = /:([^/:]+)$/.exec(image)?.[1];
  container.imagePullPolicy ??=
    image.includes("@") || (tag !== undefined && tag !== "latest") ? "IfNotPresent" : "Always";
  container.terminationMessagePath ??= "/dev/termination-log";
  container.terminationMessagePolicy ??= "File";
  container.resources ??= {};
  for (const port of objects(container, "ports")) {
    port.protocol ??= "TCP";
    if (hostNetwork) port.hostPort ??= port.containerPort ?? 0;
  }
  for (const kind of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    if (container[kind] === undefined) continue;
    const probe = ensure(container, kind);
    probe.timeoutSeconds ??= 1;
    probe.periodSeconds ??= 10;
    probe.successThreshold ??= 1;
    probe.failureThreshold ??= 3;
    if (probe.httpGet !== undefined) {
      ensure(probe, "httpGet").path ??= "/";
      ensure(probe, "httpGet").scheme ??= "HTTP";
    }
  }
}

const CHANGEABLE = ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates"];

function validatePod(pod: JsonObject, old: JsonObject | null): FieldError[] {
  const errors: FieldError[] = [];
  const containers = objects(pod, "spec", "containers");
  if (containers.length === 0) errors.push(required("spec.containers"));
  containers.forEach((container, i) => {
    if (text(container, "name") === "") errors.push(required(`spec.containers[${i}].name`));
    if (text(container, "image") === "") errors.push(required(`spec.containers[${i}].image`));
  });
  if (old && !equal(fixed(pod), fixed(old)))
    errors.push(
      forbidden(
        "spec",
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
      ),
    );
  return errors;
}

/** The part of the spec that stays for the life of a Pod; binding it to a node is the exception here. */
function fixed(pod: JsonObject): JsonObject {
  const spec = { ...ensure(pod, "spec") };
  for (const key of [...CHANGEABLE, "nodeName"]) delete spec[key];
  for (const key of ["containers", "initContainers"])
    spec[key] = objects(spec, key).map((container) => ({ ...container, image: "" }));
  return spec;
}

const podStrategy: Strategy = {
  ...PLAIN,
  setDefaults: setPodDefaults,
  prepareCreate: (pod) => {
    setGeneration(pod);
    pod.status = { phase: "Pending", qosClass: "BestEffort" };
  },
  prepareUpdate: (pod, old) => {
    keepStatus(pod, old);
    bumpGeneration(pod, old);
  },
  prepareStatus: keepSpec,
  validate: validatePod,
};

function podStatus(pod: JsonObject, statuses: readonly JsonObject[]): string {
  if (get(pod, "metadata", "deletionTimestamp") !== undefined)
    return text(pod, "status", "reason") === "NodeLost" ? "Unknown" : "Terminating";
  let reason = text(pod, "status", "reason") || text(pod, "status", "phase");
  for (const status of statuses.toReversed()) {
    reason = text(status, "state", "waiting", "reason") || text(status, "state", "terminated", "reason") || reason;
  }
  return reason;
}

const podPrinter = printer(
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

/** Pods. Nothing runs them: a deleted one goes at once, since no kubelet would say that it has ended. */
export const pod: Resource = define({
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  hasStatus: true,
  fields: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
  ],
  definition: `${CORE}.Pod`,
  printer: podPrinter,
  strategy: podStrategy,
});
