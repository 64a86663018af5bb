import { type FieldError, forbidden, required } from "./errors.ts";
import { ensure, equal, type JsonObject, objects, text } from "./json.ts";

/** The defaults of v1.Pod. */
export function setPodDefaults(pod: JsonObject): void {
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

export function validatePod(pod: JsonObject, old: JsonObject | null): FieldError[] {
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
