import type { JsonObject } from "../base/json.ts";
import type { Registry } from "../kinds/registry.ts";
import { apiVersionOf, MAIN_VERBS, type Resource } from "../kinds/resource.ts";

/** Created, never stored: answers to questions. */
export const REVIEWS = [
  { group: "authentication.k8s.io", kind: "SelfSubjectReview", plural: "selfsubjectreviews" },
  { group: "authentication.k8s.io", kind: "TokenReview", plural: "tokenreviews" },
  { group: "authorization.k8s.io", kind: "SubjectAccessReview", plural: "subjectaccessreviews" },
  { group: "authorization.k8s.io", kind: "SelfSubjectAccessReview", plural: "selfsubjectaccessreviews" },
] as const;

const PRIORITIES = [
  "",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "rbac.authorization.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "coordination.k8s.io",
  "discovery.k8s.io",
];

const verbsOf = (resource: Resource): string[] =>
  MAIN_VERBS.filter((verb) => verb !== "deletecollection" || resource.plural !== "namespaces" || resource.group !== "");

/** The named groups that are served: built-in ones first, then by name. */
export function groupsOf(registry: Registry): string[] {
  const all = new Set([...registry.groups(), ...REVIEWS.map((review) => review.group)]);
  all.delete("");
  const place = (group: string) => (PRIORITIES.includes(group) ? PRIORITIES.indexOf(group) : PRIORITIES.length);
  return [...all].sort((a, b) => place(a) - place(b) || a.localeCompare(b));
}

export function versionsOf(registry: Registry, group: string): string[] {
  const versions = registry.versions(group);
  if (versions.length === 0 && REVIEWS.some((review) => review.group === group)) return ["v1"];
  return versions.sort(compareVersions);
}

/** v2 before v1, v1 before v1beta2, that before v1beta1, anything else last by name. */
function compareVersions(a: string, b: string): number {
  const rank = (version: string) => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
    if (!match) return [0, 0, 0] as const;
    const stage = match[2] === undefined ? 3 : match[2] === "beta" ? 2 : 1;
    return [stage, Number(match[1]), Number(match[3] ?? 0)] as const;
  };
  const left = rank(a);
  const right = rank(b);
  return right[0] - left[0] || right[1] - left[1] || right[2] - left[2] || a.localeCompare(b);
}

export const apiVersions = (address: string): JsonObject => ({
  kind: "APIVersions",
  versions: ["v1"],
  serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: address }],
});

export function apiGroup(registry: Registry, group: string): JsonObject {
  const versions = versionsOf(registry, group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { kind: "APIGroup", apiVersion: "v1", name: group, versions, preferredVersion: versions[0] ?? {} };
}

export const apiGroupList = (registry: Registry): JsonObject => ({
  kind: "APIGroupList",
  apiVersion: "v1",
  groups: groupsOf(registry).map((group) => {
    const { kind: _, apiVersion: __, ...rest } = apiGroup(registry, group);
    return rest;
  }),
});

const byName = (a: Resource, b: Resource) => a.plural.localeCompare(b.plural);

function resourcesOf(registry: Registry, group: string, version: string): Resource[] {
  return registry
    .all()
    .filter((resource) => resource.group === group && resource.version === version)
    .sort(byName);
}

/** Subresources of a kind with their verbs. */
function subresourcesOf(resource: Resource): { readonly name: string; readonly verbs: string[] }[] {
  const status = resource.hasStatus ? [{ name: "status", verbs: ["get", "patch", "update"] }] : [];
  const isNamespace = resource.group === "" && resource.plural === "namespaces";
  return isNamespace ? [{ name: "finalize", verbs: ["update"] }, ...status] : status;
}

/** `APIResourceList` of one version; null when it is not served. */
export function resourceList(registry: Registry, group: string, version: string): JsonObject | null {
  const resources = resourcesOf(registry, group, version);
  const reviews = REVIEWS.filter((review) => review.group === group && version === "v1");
  if (resources.length === 0 && reviews.length === 0) return null;
  const described = resources.flatMap((resource) => {
    const main: JsonObject = {
      name: resource.plural,
      singularName: resource.singular,
      namespaced: resource.namespaced,
      kind: resource.kind,
      verbs: verbsOf(resource),
    };
    if (resource.shortNames.length > 0) main.shortNames = [...resource.shortNames];
    if (resource.categories.length > 0) main.categories = [...resource.categories];
    const below = subresourcesOf(resource).map(
      ({ name, verbs }): JsonObject => ({
        name: `${resource.plural}/${name}`,
        singularName: "",
        namespaced: resource.namespaced,
        kind: resource.kind,
        verbs,
      }),
    );
    return [main, ...below];
  });
  const asked = reviews.map(
    ({ kind, plural }): JsonObject => ({
      name: plural,
      singularName: kind.toLowerCase(),
      namespaced: false,
      kind,
      verbs: ["create"],
    }),
  );
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group, version }),
    resources: [...described, ...asked],
  };
}

/** The whole of discovery in one answer, for the core group or for the named ones. */
export function aggregatedDiscovery(registry: Registry, core: boolean, apiVersion: string): JsonObject {
  const groups = core ? [""] : groupsOf(registry);
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion,
    metadata: {},
    items: groups.map((group) => ({
      metadata: group === "" ? {} : { name: group },
      versions: versionsOf(registry, group).map((version) => ({
        version,
        resources: discovered(registry, group, version),
        freshness: "Current",
      })),
    })),
  };
}

function discovered(registry: Registry, group: string, version: string): JsonObject[] {
  const responseKind = (kind: string): JsonObject => ({ group, version, kind });
  const resources = resourcesOf(registry, group, version).map((resource): JsonObject => {
    const made: JsonObject = {
      resource: resource.plural,
      responseKind: responseKind(resource.kind),
      scope: resource.namespaced ? "Namespaced" : "Cluster",
      singularResource: resource.singular,
      verbs: verbsOf(resource),
    };
    if (resource.shortNames.length > 0) made.shortNames = [...resource.shortNames];
    if (resource.categories.length > 0) made.categories = [...resource.categories];
    const below = subresourcesOf(resource);
    if (below.length > 0)
      made.subresources = below.map(({ name, verbs }) => ({
        subresource: name,
        responseKind: responseKind(resource.kind),
        verbs,
      }));
    return made;
  });
  const reviews = REVIEWS.filter((review) => review.group === group && version === "v1").map(
    ({ kind, plural }): JsonObject => ({
      resource: plural,
      responseKind: responseKind(kind),
      scope: "Cluster",
      singularResource: kind.toLowerCase(),
      verbs: ["create"],
    }),
  );
  return [...resources, ...reviews];
}
