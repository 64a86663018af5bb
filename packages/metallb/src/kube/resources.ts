/** A kind as the API serves it. The only place that knows API paths. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const core = (plural: string, kind: string, namespaced = true): Resource => ({
  group: "",
  version: "v1",
  plural,
  kind,
  namespaced,
});
const grouped = (group: string, version: string, plural: string, kind: string, namespaced = true): Resource => ({
  group,
  version,
  plural,
  kind,
  namespaced,
});
const metallb = (plural: string, kind: string, version = "v1beta1"): Resource =>
  grouped("metallb.io", version, plural, kind);

export const RESOURCES = {
  services: core("services", "Service"),
  nodes: core("nodes", "Node", false),
  namespaces: core("namespaces", "Namespace", false),
  pods: core("pods", "Pod"),
  secrets: core("secrets", "Secret"),
  configmaps: core("configmaps", "ConfigMap"),
  events: core("events", "Event"),
  endpointslices: grouped("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
  leases: grouped("coordination.k8s.io", "v1", "leases", "Lease"),
  deployments: grouped("apps", "v1", "deployments", "Deployment"),
  daemonsets: grouped("apps", "v1", "daemonsets", "DaemonSet"),
  customresourcedefinitions: grouped(
    "apiextensions.k8s.io",
    "v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
    false,
  ),
  validatingwebhookconfigurations: grouped(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    false,
  ),
  tokenreviews: grouped("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", false),
  selfsubjectreviews: grouped("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", false),
  subjectaccessreviews: grouped("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false),
  ipaddresspools: metallb("ipaddresspools", "IPAddressPool"),
  bgpadvertisements: metallb("bgpadvertisements", "BGPAdvertisement"),
  l2advertisements: metallb("l2advertisements", "L2Advertisement"),
  bgppeers: metallb("bgppeers", "BGPPeer", "v1beta2"),
  bfdprofiles: metallb("bfdprofiles", "BFDProfile"),
  communities: metallb("communities", "Community"),
  servicel2statuses: metallb("servicel2statuses", "ServiceL2Status"),
  servicebgpstatuses: metallb("servicebgpstatuses", "ServiceBGPStatus"),
  configurationstates: metallb("configurationstates", "ConfigurationState"),
  frrconfigurations: grouped("frrk8s.metallb.io", "v1beta1", "frrconfigurations", "FRRConfiguration"),
  bgpsessionstates: grouped("frrk8s.metallb.io", "v1beta1", "bgpsessionstates", "BGPSessionState"),
} as const satisfies Record<string, Resource>;

export interface Where {
  readonly namespace?: string | undefined;
  readonly name?: string;
  readonly subresource?: string;
}

/** The path of a collection or of one object. */
export function pathOf(resource: Resource, { namespace, name, subresource }: Where = {}): string {
  const parts = [
    resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`,
    ...(resource.namespaced && namespace !== undefined ? ["namespaces", encodeURIComponent(namespace)] : []),
    resource.plural,
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return parts.join("/");
}
