import { type ClusterFacts, clusterView, explain, metaOf, ownPods, poolHolding } from "#explain";
import { type KubeClient, RESOURCES } from "#kube";
import { problemText } from "#view";
import { ask } from "./ask.ts";
import { type Check, check } from "./doctor-check.ts";
import { conversions, few, isConversion, kinds, staleWebhook, WEBHOOK_CONFIGURATION } from "./doctor-kinds.ts";
import { fieldsOf, textOf } from "./json.ts";

/** CEL rules in CRDs, on which admission rests, came with this minor version. */
const OLDEST_MINOR = 25;

/** Kinds that are there where another load balancer of bare metal is. */
const RIVALS: Readonly<Record<string, string>> = {
  "ciliumloadbalancerippools.cilium.io": "Cilium's LB-IPAM",
  "servicegroups.purelb.io": "PureLB",
  "eips.network.kubesphere.io": "OpenELB",
};

/** Looks at the cluster before, and while, MetalLB runs in it. */
export async function examine(client: KubeClient, facts: ClusterFacts): Promise<readonly Check[]> {
  const definitions = await ask(client.list(RESOURCES.customresourcedefinitions, {}, { limit: 1_000 }));
  return [
    await apiVersion(client),
    ...(await rights(client, facts, definitions === null)),
    ...kinds(definitions?.items ?? null),
    ...conversions(facts.problems),
    ...staleWebhook(await ask(client.get(...WEBHOOK_CONFIGURATION)), ownPods(facts.objects.pods ?? [])),
    ...rivals(facts, definitions?.items ?? []),
    ...processes(facts),
    ...configuration(facts),
    ...proxy(facts),
    ...addresses(facts),
  ];
}

async function apiVersion(client: KubeClient): Promise<Check> {
  const told = fieldsOf(await ask(client.request("GET", "/version")));
  const version = textOf(told.gitVersion);
  const minor = Number.parseInt(textOf(told.minor), 10);
  if (!Number.isInteger(minor)) return check("unknown", "Kubernetes", "the API server does not tell its version");
  if (told.major === "1" && minor < OLDEST_MINOR) {
    return check("failed", "Kubernetes", `${version} is too old`, `upgrade to 1.${OLDEST_MINOR} or newer`);
  }
  return check("ok", "Kubernetes", version);
}

/** What may not be read, and the line that grants it to whoever asked, for somebody who may grant it. */
async function rights(
  client: KubeClient,
  { problems }: ClusterFacts,
  noDefinitions: boolean,
): Promise<readonly Check[]> {
  const refused = problems.flatMap((problem) => /^no right to list (\S+)/.exec(problem)?.[1] ?? []);
  if (noDefinitions) refused.push("customresourcedefinitions.apiextensions.k8s.io");
  const others = problems.filter(
    (problem) =>
      !problem.startsWith("no right to list ") &&
      !isWait(problem) &&
      !isConversion(problem) &&
      // The CRDs tell it in one line, where they may be read.
      (noDefinitions || !problem.startsWith("the cluster does not serve ")),
  );
  const checks = others.map((problem) => check("unknown", "reading", problem));
  if (refused.length === 0) return checks;
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const told = fieldsOf((await ask(client.create(RESOURCES.selfsubjectreviews, {}, review)))?.status);
  // Since Kubernetes 1.28.
  const user = textOf(fieldsOf(told.userInfo).username) || "USER";
  const name = "metallb-view-more";
  const fix = `kubectl create clusterrole ${name} --verb=list,watch --resource=${refused.join(",")} && kubectl create clusterrolebinding ${name} --clusterrole=${name} --user=${quoted(user)}`;
  return [...checks, check("unknown", "rights", `no right to list ${refused.join(", ")}`, fix)];
}

/** As `readFacts` tells what a Pod waits for. */
const isWait = (problem: string): boolean => / waits?: /.test(problem);

const quoted = (text: string): string => (/^[\w:.@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** Who else may give addresses to the same Services: by kinds, by a second MetalLB, or by what has been given. */
function rivals(facts: ClusterFacts, items: readonly unknown[]): readonly Check[] {
  const what = "other load balancers";
  const fix = "give each a load balancer class of its own";
  const known = new Set(items.map((item) => metaOf(item).name));
  const kinds = Object.entries(RIVALS)
    .filter(([name]) => known.has(name))
    .map(([name, who]) => check("warning", what, `${who} is installed (${name})`, fix));
  const own = (facts.objects.pods ?? []).filter((pod) =>
    ownPods([pod]).some((each) => each.component === "controller"),
  );
  const homes = [...new Set(own.map((pod) => metaOf(pod).namespace))].toSorted();
  const twins =
    homes.length < 2
      ? []
      : [
          check(
            "failed",
            what,
            `controllers of MetalLB run in ${homes.join(" and ")}: they know nothing of each other`,
            `${fix}, or remove one`,
          ),
        ];
  const pools = facts.objects.ipaddresspools ?? [];
  const poolOf = poolHolding(facts);
  const foreign = clusterView(facts)
    .services.filter(({ foreign }) => foreign === "")
    .flatMap(({ key, addresses }) =>
      pools.length === 0 ? [] : addresses.filter((each) => poolOf(each) === null).map((each) => `${key} has ${each}`),
    );
  const given =
    foreign.length === 0
      ? []
      : [check("warning", what, `${few(foreign)}, of no pool: another controller may serve the same Services`, fix)];
  return [...kinds, ...twins, ...given];
}

function processes(facts: ClusterFacts): readonly Check[] {
  if (facts.objects.pods == null) return [];
  const pods = ownPods(facts.objects.pods);
  const controllers = pods.filter(({ component }) => component === "controller");
  const speakers = pods.filter(({ component }) => component === "speaker");
  if (pods.length === 0)
    return [
      check("warning", "MetalLB", `no Pod of it in ${facts.namespace}`, "install it, or name its namespace with -n"),
    ];
  const down = pods.filter(({ ready }) => !ready).map(({ name, trouble }) => `${name} (${trouble})`);
  const without = (facts.objects.nodes ?? [])
    .map((node) => metaOf(node).name)
    .filter((name) => !speakers.some(({ node }) => node === name));
  const images = new Map<string, Set<string>>();
  for (const { component, image } of pods) images.set(component, (images.get(component) ?? new Set()).add(image));
  const mixed = [...images].filter(([, names]) => names.size > 1).map(([component]) => component);
  return [
    down.length === 0
      ? check("ok", "Pods", `${controllers.length} controller, ${speakers.length} speakers, all ready`)
      : check("failed", "Pods", `not ready: ${few(down)}`, `kubectl -n ${facts.namespace} describe pods`),
    ...facts.problems.filter(isWait).map((problem) => check("failed", "Pods", problem)),
    ...(controllers.length === 0 ? [check("failed", "controller", "there is none: nothing gets an address")] : []),
    ...(without.length === 0 || speakers.length === 0
      ? []
      : [
          check(
            "warning",
            "speakers",
            `no speaker on ${few(without)}`,
            "check the DaemonSet's nodeSelector and tolerations",
          ),
        ]),
    ...(mixed.length === 0
      ? []
      : [check("warning", "images", `Pods of different images: ${mixed.join(", ")}`, "wait for the rollout to end")]),
  ];
}

function configuration(facts: ClusterFacts): readonly Check[] {
  // Of what was asked for and could not be read nothing is known; an absent kind was not asked for.
  const unread = (["ipaddresspools", "bgpadvertisements", "l2advertisements", "bgppeers"] as const).filter(
    (kind) => facts.objects[kind] === null,
  );
  const view = clusterView(facts);
  const problems = view.configuration.map((problem) => check("failed", "configuration", problemText(problem)));
  if (unread.length > 0) {
    return [check("unknown", "configuration", `could not be read: ${unread.join(", ")}`), ...problems];
  }
  if (facts.objects.ipaddresspools?.length === 0) {
    return [check("warning", "configuration", "there is no IPAddressPool: no Service gets an address"), ...problems];
  }
  const advertised = (facts.objects.bgpadvertisements?.length ?? 1) + (facts.objects.l2advertisements?.length ?? 1);
  if (advertised === 0) {
    return [
      check("warning", "configuration", "there is no BGPAdvertisement or L2Advertisement: nobody announces"),
      ...problems,
    ];
  }
  return problems.length > 0 ? problems : [check("ok", "configuration", "no problem")];
}

/** As explain sees it, for any one Service: kube-proxy and strictARP are the same for all. */
function proxy(facts: ClusterFacts): readonly Check[] {
  const balancer = (facts.objects.services ?? []).find(
    (object) => fieldsOf(fieldsOf(object).spec).type === "LoadBalancer",
  );
  const steps = balancer === undefined ? [] : (explain(facts, metaOf(balancer).key)?.steps ?? []);
  return steps
    .filter(({ rule }) => rule === "kube-proxy" || rule === "strict ARP")
    .map(({ verdict, rule, text }) => {
      const fix =
        rule === "strict ARP" && verdict === "no"
          ? "kubectl -n kube-system edit configmap kube-proxy: strictARP: true"
          : "";
      return check(verdict === "no" ? "failed" : verdict === "yes" ? "ok" : "warning", rule, text, fix);
    });
}

/** An address of a node or of the cluster in a pool would be taken from who has it. */
function addresses(facts: ClusterFacts): readonly Check[] {
  if (facts.objects.ipaddresspools === null || facts.objects.nodes === null) {
    return [
      check("unknown", "addresses", "whether a pool holds an address of a node: pools or nodes could not be read"),
    ];
  }
  const poolOf = poolHolding(facts);
  const found = (facts.objects.nodes ?? []).flatMap((node) => {
    const told = fieldsOf(fieldsOf(node).status).addresses;
    return (Array.isArray(told) ? told : []).flatMap((each) => {
      const address = textOf(fieldsOf(each).address);
      const pool = poolOf(address);
      return pool === null ? [] : [`${address} of node ${metaOf(node).name} is in pool ${pool}`];
    });
  });
  return found.length === 0
    ? [check("ok", "addresses", "no pool holds an address of a node")]
    : [check("failed", "addresses", few(found), "take it out of spec.addresses")];
}
