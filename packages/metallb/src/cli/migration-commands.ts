import type { MigrationFacts, Workload } from "./migration-facts.ts";

/** What does BGP for MetalLB. */
type Mode = "native" | "FRR" | "FRR-K8s";

/** What runs, as it was found. */
export interface Found {
  readonly controller: Workload;
  readonly speaker: Workload;
  readonly frrk8s: readonly Workload[];
  readonly mode: Mode;
}

/** Lines for a shell: controller first, then the speakers one by one, and the way back as comments. */
export function commandsOf(
  { controller, speaker, frrk8s, mode }: Found,
  { hasWebhook, ownFrr, conversion }: MigrationFacts,
): readonly string[] {
  const at = `kubectl -n ${controller.namespace}`;
  const frrAt = `kubectl -n ${speaker.env.get("FRRK8S_NAMESPACE") || speaker.namespace}`;
  const stop = [
    "# From here until the new controller runs nothing gets an address; what has one keeps it, and is announced.",
    "# Two controllers that know nothing of each other never run at one time.",
    `${at} scale deployment ${controller.name} --replicas=0`,
    `${at} wait --for=delete pod -l ${selectorOf(controller, "controller")} --timeout=120s`,
  ];
  const follow = [
    `${at} rollout status deployment ${controller.name}`,
    `${at} rollout status daemonset ${speaker.name}`,
  ];
  const frr =
    mode !== "FRR-K8s"
      ? []
      : [
          "# The sessions move: FRR-K8s lets them go, and the speakers open them.",
          ...frrk8s.map(({ namespace, name }) => `kubectl -n ${namespace} delete daemonset ${name}`),
          ...(ownFrr > 0
            ? [`${frrAt} get frrconfigurations -o name | grep /metallb- | xargs --no-run-if-empty ${frrAt} delete`]
            : []),
        ];
  // A server-side apply of "strategy: None" leaves the certificate that the old controller wrote, and is then refused.
  const noConversion =
    conversion === "Webhook"
      ? [
          "# The CRD of BGPPeer stops asking the old controller's webhook, which answers no more.",
          `kubectl patch crd bgppeers.metallb.io --type=merge -p '{"spec":{"conversion":{"strategy":"None","webhook":null}}}'`,
        ]
      : [];
  const check = ["metallb status", "metallb doctor"];
  if (controller.release !== null)
    return [
      ...stop,
      ...noConversion,
      `helm get values ${controller.release} -n ${controller.namespace} -o yaml > values.yaml`,
      `helm upgrade ${controller.release} deploy/helm/metallb -n ${controller.namespace} -f values.yaml \\`,
      "  --set controller.image.repository=REGISTRY/metallb-ts --set controller.image.tag=v0.1.0 \\",
      "  --set speaker.image.repository=REGISTRY/metallb-ts --set speaker.image.tag=v0.1.0",
      ...follow,
      ...check,
      `# Back: scale the controller to 0 as above, then`,
      `# helm rollback ${controller.release} -n ${controller.namespace}`,
    ];
  return [
    ...stop,
    "# The Deployment stays, since the key of the speakers' gossip goes with it; the DaemonSet goes without its Pods,",
    "# so that no container of the old one is left in the new one, which takes the Pods over and replaces them one by one.",
    `${at} delete daemonset ${speaker.name} --cascade=orphan`,
    ...(hasWebhook ? ["kubectl delete validatingwebhookconfiguration metallb-webhook-configuration"] : []),
    ...noConversion,
    "# A kustomization.yaml with your image: docs/installation.md.",
    "kubectl apply --server-side --force-conflicts -k .",
    ...follow,
    ...frr,
    ...check,
    "# Back: the same with the old manifests, the controller at 0 first:",
    `# ${at} scale deployment ${controller.name} --replicas=0 && ${at} delete daemonset ${speaker.name} --cascade=orphan`,
    "# kubectl apply --server-side --force-conflicts -f OLD.yaml",
  ];
}

const selectorOf = ({ labels }: Workload, part: string): string =>
  labels.app === "metallb"
    ? `app=metallb,component=${part}`
    : `app.kubernetes.io/name=metallb,app.kubernetes.io/component=${part}`;
