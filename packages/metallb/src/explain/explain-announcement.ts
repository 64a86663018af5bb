import { decodeNode, type Node } from "#api";
import type { BgpAdvertisement, L2Advertisement, Pool } from "#config";
import { readSpeakerState, type SpeakerState } from "#view";
import { type WrittenStep as NodeStep, type Ways, writtenSteps } from "./explain-statuses.ts";
import { servingNodes } from "./explain-traffic.ts";
import { type OwnPod, objectsOf } from "./facts.ts";
import type { Step, Subject } from "./step.ts";

const EXCLUDE = "node.kubernetes.io/exclude-from-external-load-balancers";

/** Advertisements, then each node, then the sessions and what the speakers themselves say. */
export function advertisementSteps(subject: Subject, pool: Pool): readonly Step[] {
  const { bgpAdvertisements, l2Advertisements } = pool;
  if (bgpAdvertisements.length + l2Advertisements.length === 0) {
    const text = `no BGPAdvertisement or L2Advertisement selects pool ${pool.name}`;
    return [
      {
        verdict: "no",
        rule: "advertisements",
        object: `IPAddressPool ${pool.name}`,
        field: "spec.ipAddressPools",
        text,
      },
    ];
  }
  const bgp = bgpAdvertisements.map((each) => selectionStep("BGPAdvertisement", each, subject, pool));
  const l2 = l2Advertisements.map((each) => selectionStep("L2Advertisement", each, subject, pool));
  const selection = [...bgp, ...l2];
  const isSelected = selection.some(({ verdict }) => verdict === "yes");
  // One that is for other Services is as somebody wanted it, where there is one for this.
  return [...selection.map((step) => (isSelected ? excused(step) : step)), ...nodeSteps(subject, pool)];
}

const excused = (step: Step): Step => (step.verdict === "no" ? { ...step, verdict: "note" } : step);

function selectionStep(
  kind: string,
  advertisement: BgpAdvertisement | L2Advertisement,
  { service }: Subject,
  pool: Pool,
): Step {
  const object = `${kind} ${advertisement.name}`;
  if (advertisement.services(service.labels)) {
    return {
      verdict: "yes",
      rule: "advertisement",
      object,
      field: "spec.ipAddressPools",
      text: `it selects pool ${pool.name}`,
    };
  }
  const text = "its serviceSelectors do not match the Service's labels";
  return { verdict: "no", rule: "advertisement", object, field: "spec.serviceSelectors", text };
}

function nodeSteps(subject: Subject, pool: Pool): readonly Step[] {
  const { facts, service, pods } = subject;
  const nodes = new Map(
    objectsOf(facts, "nodes")
      .flatMap((object) => decodeNode(object) ?? [])
      .map((node) => [node.name, node]),
  );
  const serving = servingNodes(subject);
  const local = service.externalTrafficPolicy === "Local";
  const steps = pods
    .filter(({ component }) => component === "speaker")
    .toSorted((a, b) => a.node.localeCompare(b.node, "en", { numeric: true }))
    .flatMap((pod): readonly NodeStep[] => {
      const node = nodes.get(pod.node) ?? null;
      const object = `Node ${pod.node}`;
      const no = (field: string, text: string, at = object): NodeStep => ({
        verdict: "no",
        rule: `node ${pod.node}`,
        object: at,
        field,
        text,
      });
      if (!pod.ready)
        return [no("status.conditions[Ready]", `its speaker is not ready: ${pod.trouble}`, `Pod ${pod.name}`)];
      if (node !== null && EXCLUDE in node.labels)
        return [{ ...no(`metadata.labels[${EXCLUDE}]`, "the node is excluded by its label"), byDesign: true }];
      if (node?.networkUnavailable) return [no("status.conditions[NetworkUnavailable]", "the node has no network")];
      if (local && serving !== null && !serving.has(pod.node)) {
        const text = "policy Local, and it has no endpoint of its own";
        return [{ ...no("endpoints[].nodeName", text, `EndpointSlices of ${service.key}`), byDesign: true }];
      }
      const state = facts.states.has(pod.name) ? readSpeakerState(facts.states.get(pod.name)) : null;
      const selected = selectorSteps(subject, pool, node, pod.node);
      // The object that decided says more than the speaker that heeds it.
      if (selected.some(({ verdict }) => verdict === "no")) return selected;
      const spoken =
        state === null
          ? writtenSteps(facts, service.key, pod, waysOf(service, pool, node))
          : spokenSteps(service.key, pod, state);
      return [...selected, ...spoken, ...reversePathSteps(object, pod.node, state)];
    });
  const isAnnounced = steps.some(({ verdict }) => verdict === "yes");
  return steps.map(({ byDesign = false, ...step }) => (byDesign && isAnnounced ? excused(step) : step));
}

/** Which advertisements include the node, and which peers of theirs it keeps sessions with. */
function selectorSteps({ config, service }: Subject, pool: Pool, node: Node | null, name: string): readonly NodeStep[] {
  if (node === null) {
    const text = "the Node object could not be read";
    return [{ verdict: "unknown", rule: `node ${name}`, object: `Node ${name}`, field: "", text }];
  }
  const here = [
    ...pool.bgpAdvertisements.map((each) => ({ kind: "BGPAdvertisement", each })),
    ...pool.l2Advertisements.map((each) => ({ kind: "L2Advertisement", each })),
  ].filter(({ each }) => each.services(service.labels));
  const including = here.filter(({ each }) => each.nodes(node.labels));
  if (here.length > 0 && including.length === 0) {
    const object = here.map(({ kind, each }) => `${kind} ${each.name}`).join(", ");
    return [
      {
        verdict: "no",
        rule: `node ${name}`,
        object,
        field: "spec.nodeSelectors",
        text: "no advertisement includes the node",
        byDesign: true,
      },
    ];
  }
  const bgp = pool.bgpAdvertisements.filter((each) => each.services(service.labels) && each.nodes(node.labels));
  if (bgp.length === 0) return [];
  const peers = config.peers.filter((peer) => peer.nodes(node.labels));
  const meant = peers.filter((peer) => bgp.some((each) => each.peers === null || each.peers.has(peer.name)));
  if (meant.length > 0) return [];
  const object = bgp.map((each) => `BGPAdvertisement ${each.name}`).join(", ");
  const text =
    peers.length === 0
      ? "no BGPPeer includes the node"
      : "none of the peers that the advertisement names includes the node";
  return [
    {
      verdict: "no",
      rule: `node ${name}`,
      object: peers.length === 0 ? "BGPPeers" : object,
      field: peers.length === 0 ? "spec.nodeSelectors" : "spec.peers",
      text,
    },
  ];
}

/** By which protocols some advertisement has this node announce the Service. */
function waysOf({ labels }: Subject["service"], pool: Pool, node: Node | null): Ways {
  const here = (each: BgpAdvertisement | L2Advertisement): boolean =>
    each.services(labels) && node !== null && each.nodes(node.labels);
  return { bgp: pool.bgpAdvertisements.some(here), layer2: pool.l2Advertisements.some(here) };
}

/** What the speaker itself decided, and whether those that it tells hear it. */
function spokenSteps(key: string, pod: OwnPod, state: SpeakerState): readonly NodeStep[] {
  const { node } = pod;
  const object = `Pod ${pod.name}`;
  const step = (verdict: Step["verdict"], field: string, text: string): NodeStep => ({
    verdict,
    rule: `node ${node}`,
    object,
    field,
    text,
  });
  const verdict = state.verdicts.get(key);
  if (verdict === undefined) return [step("no", "/state", "the speaker has not seen the Service yet")];
  if (!verdict.announced) {
    const refusal = step("no", "/state", verdict.reason);
    return [verdict.byDesign ? { ...refusal, byDesign: true } : refusal];
  }
  const lacking = verdict.lacking.map((lack) => step("no", "/state", lack));
  const notes = verdict.notes.map((note) => step("note", "/state", note));
  const steps = [step("yes", "/state", `it announces by ${verdict.by.join(" and ")}`), ...lacking, ...notes];
  for (const peer of verdict.peers) {
    const session = state.sessions.find((each) => each.peer === peer);
    const up = session?.state === "Established";
    const why =
      session === undefined ? "no session" : `${session.state}${session.reason === "" ? "" : `: ${session.reason}`}`;
    steps.push({
      verdict: up ? "yes" : "no",
      rule: `node ${node}`,
      object: `BGPPeer ${peer}`,
      field: "session",
      text: up ? "the session is established" : `the session is not established (${why})`,
    });
  }
  return steps;
}

/** What a strict filter drops, neither speaker nor router sees. It hurts only where the way back is another. */
function reversePathSteps(object: string, node: string, state: SpeakerState | null): readonly NodeStep[] {
  const strict = state?.strictReversePaths ?? [];
  if (strict.length === 0) return [];
  const names = `${strict.slice(0, 3).join(", ")}${strict.length > 3 ? ` and ${strict.length - 3} more` : ""}`;
  const text = `strict on ${names}: clients whose way back leads elsewhere are dropped (rp_filter 2 lets them in)`;
  return [{ verdict: "note", rule: `node ${node}`, object, field: "net.ipv4.conf.*.rp_filter", text }];
}
