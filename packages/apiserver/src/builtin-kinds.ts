import { type FieldError, forbidden, invalid, required } from "./errors.ts";
import { ensure, equal, isObject, type JsonObject, number, object, objects, text } from "./json.ts";
import { CONFIG_KEY_TEXT, isConfigKey } from "./names.ts";
import { setPodDefaults, validatePod } from "./pod-strategy.ts";
import {
  configMapPrinter,
  definitionPrinter,
  endpointSlicePrinter,
  eventPrinter,
  leasePrinter,
  namespacePrinter,
  nodePrinter,
  podPrinter,
  secretPrinter,
  servicePrinter,
} from "./printers.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";
import { builtinSchema } from "./schema.ts";
import type { ServiceAllocators } from "./service-allocators.ts";
import { serviceStrategy } from "./service-strategy.ts";

const setGeneration = (value: JsonObject) => {
  ensure(value, "metadata").generation = 1;
};

/** Counts a change of anything but metadata and status. */
export function bumpGeneration(value: JsonObject, old: JsonObject): void {
  const before = number(old, "metadata", "generation") ?? 0;
  const { metadata: _, status: __, ...rest } = value;
  const { metadata: ___, status: ____, ...oldRest } = old;
  ensure(value, "metadata").generation = equal(rest, oldRest) ? before : before + 1;
}

const keepStatus = (value: JsonObject, old: JsonObject) => {
  if (old.status === undefined) delete value.status;
  else value.status = old.status;
};

const keepSpec = (value: JsonObject, old: JsonObject) => {
  if (old.spec === undefined) delete value.spec;
  else value.spec = old.spec;
};

const namespaceStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (namespace) => {
    const metadata = ensure(namespace, "metadata");
    if (text(metadata, "name") !== "")
      ensure(metadata, "labels")["kubernetes.io/metadata.name"] = text(metadata, "name");
  },
  prepareCreate: (namespace) => {
    namespace.spec = { finalizers: ["kubernetes"] };
    namespace.status = { phase: "Active" };
  },
  prepareUpdate: (namespace, old) => {
    keepSpec(namespace, old);
    keepStatus(namespace, old);
  },
  prepareStatus: keepSpec,
};

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

function dataErrors(value: JsonObject, member: string): FieldError[] {
  return Object.keys(object(value, member)).flatMap((key) =>
    isConfigKey(key) ? [] : [invalid(`${member}[${key}]`, key, CONFIG_KEY_TEXT)],
  );
}

function immutableErrors(value: JsonObject, old: JsonObject | null, members: readonly string[]): FieldError[] {
  if (old?.immutable !== true) return [];
  const why = "field is immutable when `immutable` is set";
  const errors = members.flatMap((member) =>
    equal(value[member] ?? {}, old[member] ?? {}) ? [] : [forbidden(member, why)],
  );
  return value.immutable === true ? errors : [forbidden("immutable", why), ...errors];
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const secretStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (secret) => {
    secret.type ??= "Opaque";
    for (const [key, value] of Object.entries(object(secret, "stringData")))
      ensure(secret, "data")[key] = Buffer.from(typeof value === "string" ? value : "").toString("base64");
    delete secret.stringData;
  },
  validate: (secret, old) => {
    const errors = dataErrors(secret, "data");
    for (const [key, value] of Object.entries(object(secret, "data")))
      if (typeof value !== "string" || !BASE64.test(value))
        errors.push(invalid(`data[${key}]`, "<secret>", "illegal base64 data"));
    if (
      secret.type === "kubernetes.io/basic-auth" &&
      object(secret, "data").username === undefined &&
      object(secret, "data").password === undefined
    )
      errors.push(required("data[username]"), required("data[password]"));
    if (old && old.type !== secret.type) errors.push(invalid("type", secret.type ?? "", "field is immutable"));
    return [...errors, ...immutableErrors(secret, old, ["data"])];
  },
};

const configMapStrategy: Strategy = {
  ...PLAIN,
  validate: (map, old) => [
    ...dataErrors(map, "data"),
    ...dataErrors(map, "binaryData"),
    ...immutableErrors(map, old, ["data", "binaryData"]),
  ],
};

const leaseStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (lease) => {
    ensure(lease, "spec");
  },
  validate: (lease) => {
    const errors: FieldError[] = [];
    for (const member of ["leaseDurationSeconds", "leaseTransitions"] as const) {
      const value = number(lease, "spec", member);
      if (value === null) continue;
      if (member === "leaseDurationSeconds" && value <= 0)
        errors.push(invalid(`spec.${member}`, value, "must be greater than 0"));
      if (member === "leaseTransitions" && value < 0)
        errors.push(invalid(`spec.${member}`, value, "must be greater than or equal to 0"));
    }
    return errors;
  },
};

const endpointSliceStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (slice) => {
    slice.endpoints ??= [];
    slice.ports ??= [];
    for (const port of objects(slice, "ports")) {
      port.name ??= "";
      port.protocol ??= "TCP";
    }
    for (const endpoint of objects(slice, "endpoints")) ensure(endpoint, "conditions");
  },
  prepareCreate: setGeneration,
  prepareUpdate: (slice, old) => {
    bumpGeneration(slice, old);
    if (
      !equal(object(slice, "metadata", "labels"), object(old, "metadata", "labels")) &&
      number(slice, "metadata", "generation") === number(old, "metadata", "generation")
    )
      ensure(slice, "metadata").generation = (number(old, "metadata", "generation") ?? 0) + 1;
  },
  validate: (slice, old) => {
    const types = ["FQDN", "IPv4", "IPv6"];
    const type = text(slice, "addressType");
    const errors: FieldError[] = [];
    if (type === "") errors.push(required("addressType"));
    else if (!types.includes(type))
      errors.push({
        type: "unsupported",
        field: "addressType",
        value: type,
        detail: `supported values: ${types.map((one) => JSON.stringify(one)).join(", ")}`,
      });
    if (old && type !== text(old, "addressType")) errors.push(invalid("addressType", type, "field is immutable"));
    if (objects(slice, "endpoints").length > 1000)
      errors.push({
        type: "tooMany",
        field: "endpoints",
        value: objects(slice, "endpoints").length,
        detail: "must have at most 1000 items",
      });
    return errors;
  },
};

const eventStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (event) => {
    event.reportingComponent ??= "";
    event.reportingInstance ??= "";
    event.source ??= {};
    event.firstTimestamp ??= null;
    event.lastTimestamp ??= null;
    event.eventTime ??= null;
  },
  validate: (event) => {
    const namespace = text(event, "involvedObject", "namespace") || "default";
    return namespace === text(event, "metadata", "namespace")
      ? []
      : [
          invalid(
            "involvedObject.namespace",
            text(event, "involvedObject", "namespace"),
            "does not match event.namespace",
          ),
        ];
  },
};

const CORE = "io.k8s.api.core.v1";

interface Description extends Partial<Resource> {
  readonly kind: string;
  readonly plural: string;
  readonly definition: string;
  readonly printer: Resource["printer"];
  readonly strategy: Strategy;
}

function define({ definition, ...rest }: Description): Resource {
  return {
    group: "",
    version: "v1",
    singular: rest.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    names: "subdomain",
    hasStatus: false,
    isCustom: false,
    collection: rest.plural,
    schema: builtinSchema(definition),
    fields: [],
    deprecation: null,
    fromStored: null,
    toStored: null,
    ...rest,
  };
}

const EVENT_FIELDS = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"].map(
  (field) => `involvedObject.${field}`,
);

/** Every built-in kind that is served. */
export function builtinResources(allocators: ServiceAllocators, definitionStrategy: Strategy): Resource[] {
  return [
    define({
      kind: "ConfigMap",
      plural: "configmaps",
      shortNames: ["cm"],
      definition: `${CORE}.ConfigMap`,
      printer: configMapPrinter,
      strategy: configMapStrategy,
    }),
    define({
      kind: "Event",
      plural: "events",
      shortNames: ["ev"],
      definition: `${CORE}.Event`,
      fields: [...EVENT_FIELDS, "reason", "reportingComponent", "source", "type"],
      printer: eventPrinter,
      strategy: eventStrategy,
    }),
    define({
      group: "events.k8s.io",
      kind: "Event",
      plural: "events",
      shortNames: ["ev"],
      definition: "io.k8s.api.events.v1.Event",
      fields: [
        "reason",
        "reportingController",
        "type",
        "regarding.kind",
        "regarding.namespace",
        "regarding.name",
        "regarding.uid",
      ],
      printer: {
        columns: eventPrinter.columns,
        cells: (event, now) => eventPrinter.cells(fromEventsGroup(event), now),
      },
      strategy: PLAIN,
      fromStored: toEventsGroup,
      toStored: fromEventsGroup,
    }),
    define({
      kind: "Namespace",
      plural: "namespaces",
      shortNames: ["ns"],
      namespaced: false,
      names: "label",
      hasStatus: true,
      fields: ["status.phase"],
      definition: `${CORE}.Namespace`,
      printer: namespacePrinter,
      strategy: namespaceStrategy,
    }),
    define({
      kind: "Node",
      plural: "nodes",
      shortNames: ["no"],
      namespaced: false,
      hasStatus: true,
      fields: ["spec.unschedulable"],
      definition: `${CORE}.Node`,
      printer: nodePrinter,
      strategy: nodeStrategy,
    }),
    define({
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
    }),
    define({
      kind: "Secret",
      plural: "secrets",
      fields: ["type"],
      definition: `${CORE}.Secret`,
      printer: secretPrinter,
      strategy: secretStrategy,
    }),
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
    }),
    define({
      group: "coordination.k8s.io",
      kind: "Lease",
      plural: "leases",
      definition: "io.k8s.api.coordination.v1.Lease",
      printer: leasePrinter,
      strategy: leaseStrategy,
    }),
    define({
      group: "discovery.k8s.io",
      kind: "EndpointSlice",
      plural: "endpointslices",
      definition: "io.k8s.api.discovery.v1.EndpointSlice",
      printer: endpointSlicePrinter,
      strategy: endpointSliceStrategy,
    }),
    define({
      group: "apiextensions.k8s.io",
      kind: "CustomResourceDefinition",
      plural: "customresourcedefinitions",
      shortNames: ["crd", "crds"],
      categories: ["api-extensions"],
      namespaced: false,
      hasStatus: true,
      definition: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
      printer: definitionPrinter,
      strategy: definitionStrategy,
    }),
  ];
}

/** [core/v1 name, events.k8s.io/v1 name] of the members that differ. */
const EVENT_MEMBERS = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["reportingComponent", "reportingController"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["source", "deprecatedSource"],
] as const;

function toEventsGroup(event: JsonObject): JsonObject {
  const made: JsonObject = { ...event, apiVersion: "events.k8s.io/v1" };
  for (const [core, other] of EVENT_MEMBERS) {
    if (made[core] !== undefined) made[other] = made[core];
    delete made[core];
  }
  return made;
}

function fromEventsGroup(event: JsonObject): JsonObject {
  const made: JsonObject = { ...event, apiVersion: "v1" };
  for (const [core, other] of EVENT_MEMBERS) {
    if (made[other] !== undefined) made[core] = made[other];
    delete made[other];
  }
  if (!isObject(made.involvedObject)) made.involvedObject = {};
  eventStrategy.setDefaults(made);
  return made;
}
