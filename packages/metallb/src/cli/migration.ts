import { type ClusterFacts, metaOf, poolHolding } from "#explain";
import { type Check, check } from "./doctor-check.ts";
import { few } from "./doctor-kinds.ts";
import { fieldsOf, textOf } from "./json.ts";
import { commandsOf, type Found } from "./migration-commands.ts";
import type { MigrationFacts, Workload } from "./migration-facts.ts";

/** What a move would change, and the commands of it. */
export interface Migration {
  readonly checks: readonly Check[];
  /** Lines for a shell, with comments; empty: there is nothing to move. */
  readonly commands: readonly string[];
}

/** Says of a cluster that runs MetalLB what becomes of each part when this project takes over. Pure. */
export function planMigration(cluster: ClusterFacts, facts: MigrationFacts): Migration {
  if (facts.deployments === null || facts.daemonSets === null) {
    const fix = "kubectl create clusterrole metallb-migrate --verb=list --resource=deployments.apps,daemonsets.apps";
    return { checks: [check("failed", "rights", "no right to list Deployments and DaemonSets", fix)], commands: [] };
  }
  const found = find(facts, cluster.namespace);
  if (found === null) {
    const text = `no controller and speaker of MetalLB in ${cluster.namespace}: nothing moves, install it (docs/installation.md)`;
    return { checks: [check("warning", "MetalLB", text)], commands: [] };
  }
  if (imageOf(found.controller) === imageOf(found.speaker)) {
    const text = `controller and speaker run one image already, ${imageOf(found.speaker)}: nothing is left to move`;
    return { checks: [check("ok", "MetalLB", text), ...leftovers(facts, found)], commands: [] };
  }
  return {
    checks: [
      summary(found),
      ...services(cluster),
      ...engine(found, facts),
      ...notTaken(facts),
      ...admission(facts, found),
      ...restarts(cluster),
    ],
    commands: commandsOf(found, facts),
  };
}

const imageOf = ({ containers }: Workload): string =>
  containers.find(({ name }) => name === "controller" || name === "speaker")?.image ?? containers[0]?.image ?? "";

function find({ deployments, daemonSets }: MigrationFacts, namespace: string): Found | null {
  const is = (workload: Workload, part: string): boolean =>
    workload.namespace === namespace &&
    (workload.labels.component === part || workload.labels["app.kubernetes.io/component"] === part) &&
    (workload.labels.app === "metallb" || workload.labels["app.kubernetes.io/name"] === "metallb");
  const controller = deployments?.find((each) => is(each, "controller"));
  const speaker = daemonSets?.find((each) => is(each, "speaker"));
  if (!controller || !speaker) return null;
  const frrk8s = (daemonSets ?? []).filter(
    ({ name, labels }) =>
      labels["app.kubernetes.io/name"] === "frr-k8s" || labels.app === "frr-k8s" || /(^|-)frr-k8s$/.test(name),
  );
  const type = speaker.env.get("METALLB_BGP_TYPE") ?? "";
  const mode =
    speaker.containers.some(({ name }) => name === "frr") || type === "frr"
      ? "FRR"
      : type.startsWith("frr-k8s")
        ? "FRR-K8s"
        : "native";
  return { controller, speaker, frrk8s, mode };
}

function summary({ controller, speaker, mode }: Found): Check {
  const by = controller.release === null ? "by manifests" : `by Helm (release ${controller.release})`;
  return check(
    "ok",
    "found",
    `${imageOf(controller)} and ${imageOf(speaker)} on ${speaker.replicas} nodes in ${speaker.namespace}, mode ${mode}, installed ${by}`,
  );
}

/** No Service may change its address: each is looked for in the pools as they stand. */
function services(cluster: ClusterFacts): readonly Check[] {
  if (cluster.objects.services == null) return [check("unknown", "addresses", "Services could not be read")];
  const poolOf = poolHolding(cluster);
  const lost: string[] = [];
  let kept = 0;
  for (const service of cluster.objects.services) {
    const { spec, status } = fieldsOf(service);
    if (fieldsOf(spec).type !== "LoadBalancer") continue;
    const { ingress } = fieldsOf(fieldsOf(status).loadBalancer);
    const ips = (Array.isArray(ingress) ? ingress : [])
      .map((each) => textOf(fieldsOf(each).ip))
      .filter((ip) => ip !== "");
    if (ips.length === 0) continue;
    if (ips.every((ip) => poolOf(ip) !== null)) kept++;
    else lost.push(`${metaOf(service).key} (${ips.join(", ")})`);
  }
  return [
    check(
      "ok",
      "addresses",
      `${kept} Services keep their addresses: the status and the annotation that hold them are read as they stand`,
    ),
    ...(lost.length === 0
      ? []
      : [
          check(
            "failed",
            "addresses",
            `no pool holds the address of ${few(lost)}: it would be given another one`,
            "add the addresses to a pool first",
          ),
        ]),
  ];
}

function engine({ mode, frrk8s, speaker }: Found, { ownFrr }: MigrationFacts): readonly Check[] {
  switch (mode) {
    case "native":
      return [
        check(
          "ok",
          "BGP",
          "the built-in engine takes the place of the native one: the same peers, with IPv6, BFD and graceful restart beside",
        ),
      ];
    case "FRR": {
      const gone = speaker.containers.map(({ name }) => name).filter((name) => name !== "speaker");
      return [
        check(
          "ok",
          "BGP",
          `the built-in engine does what FRR did: the containers ${gone.join(", ")} are gone, METALLB_BGP_TYPE and FRR_LOGGING_LEVEL mean nothing`,
        ),
        check(
          "warning",
          "metrics",
          "port 9121 of frr-metrics is no longer served: the same series are at 9120 of the speaker",
          "scrape port 9120 alone",
        ),
      ];
    }
    case "FRR-K8s":
      return [
        check(
          "ok",
          "BGP",
          `the built-in engine does what FRR-K8s did: ${ownFrr} FRRConfigurations that MetalLB wrote are read by nobody any more`,
        ),
        check(
          "warning",
          "FRR-K8s",
          frrk8s.length === 0
            ? "its DaemonSet was not found, and must end: two BGP speakers of one node would ask the router for one session"
            : `DaemonSet ${frrk8s.map(({ namespace, name }) => `${namespace}/${name}`).join(", ")} holds the sessions until it ends: on each node the routes go for as long as a session takes to open`,
          "let the nodes follow each other, as the commands do, or turn on graceful restart at the routers",
        ),
        check(
          "warning",
          "metrics",
          "series with the prefix frrk8s_ are called metallb_ here, and their label peer bears the port",
          "look at dashboards and alerts of your own",
        ),
      ];
  }
}

function notTaken({ configMaps, foreignFrr }: MigrationFacts): readonly Check[] {
  return [
    ...(configMaps.has("bgpextras")
      ? [
          check(
            "warning",
            "not taken over",
            "ConfigMap bgpextras: raw lines for FRR, and there is no FRR",
            "say what they do with BGPPeer and BGPAdvertisement, or keep MetalLB with FRR",
          ),
        ]
      : []),
    ...(foreignFrr.length > 0
      ? [
          check(
            "warning",
            "not taken over",
            `FRRConfigurations of others: ${few(foreignFrr)}. What they do (receiving routes, own peers) nobody does when FRR-K8s ends`,
            "keep FRR-K8s for them, with other peers than MetalLB's",
          ),
        ]
      : []),
    ...(configMaps.has("config")
      ? [check("warning", "not taken over", "ConfigMap config is of MetalLB 0.12 or older", "metallb convert")]
      : []),
    ...["metallb-excludel2", "metallb-memberlist-config"]
      .filter((name) => configMaps.has(name))
      .map((name) => check("ok", "taken over", `ConfigMap ${name} is read as it stands`)),
  ];
}

function admission({ hasWebhook, conversion }: MigrationFacts, { controller }: Found): readonly Check[] {
  const conversions =
    conversion === "Webhook"
      ? [
          check(
            "ok",
            "conversion",
            "BGPPeer no longer converts by webhook: both versions have the same fields where both have them",
          ),
        ]
      : [];
  if (!hasWebhook) return conversions;
  const fix =
    controller.release === null
      ? "kubectl delete validatingwebhookconfiguration metallb-webhook-configuration"
      : "--set controller.webhookMode=enabled keeps it";
  const text =
    "metallb-webhook-configuration must go where no webhook is served (the default), or every change of a custom resource is refused";
  return [check("warning", "webhook", text, fix), ...conversions];
}

function restarts(cluster: ClusterFacts): readonly Check[] {
  const without = (cluster.objects.bgppeers ?? []).filter(
    (peer) => fieldsOf(fieldsOf(peer).spec).enableGracefulRestart !== true,
  );
  if (without.length === 0) return [];
  return [
    check(
      "warning",
      "traffic",
      `without graceful restart (BGPPeer ${few(without.map((peer) => metaOf(peer).name))}) a node's routes go while its speaker is replaced: the others carry on, and connections that a router hashes anew may be reset`,
      "replace the peer by one with enableGracefulRestart: true before (it cannot be changed in place)",
    ),
  ];
}

/** What earlier runs of upstream left behind. */
const leftovers = ({ ownFrr, hasWebhook }: MigrationFacts, { frrk8s, controller }: Found): readonly Check[] => [
  ...(frrk8s.length > 0
    ? [
        check(
          "warning",
          "leftovers",
          `DaemonSet ${frrk8s.map(({ namespace, name }) => `${namespace}/${name}`).join(", ")} still runs`,
          "delete it, unless others use it",
        ),
      ]
    : []),
  ...(ownFrr > 0
    ? [
        check(
          "warning",
          "leftovers",
          `${ownFrr} FRRConfigurations of MetalLB, which FRR-K8s goes on announcing where it runs`,
          "kubectl delete them",
        ),
      ]
    : []),
  ...(hasWebhook && controller.args.some((arg) => arg.includes("webhook-mode=disabled"))
    ? [
        check(
          "failed",
          "leftovers",
          "metallb-webhook-configuration stands although no webhook is served: changes of custom resources are refused",
          "kubectl delete validatingwebhookconfiguration metallb-webhook-configuration",
        ),
      ]
    : []),
];
