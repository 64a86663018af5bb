import { type Fields, fields, list, text, texts } from "#view";
import { type ClusterFacts, isUpstream, metaOf, type OwnPod, objectsOf } from "./facts.ts";
import type { Step } from "./step.ts";

/** What a speaker's status objects say of a Service; null: they were not read, or this cluster has no such kind. */
interface Written {
  /** The peers of the ServiceBGPStatus of this node; null: there is none. */
  readonly bgp: Fields | null;
  readonly layer2: Fields | null;
  /** The node that answers for the Service by layer 2, where it is another. */
  readonly owner: string;
  /** Whether some speaker of the cluster writes such objects: only then does it mean something that one is missing. */
  readonly writes: { readonly bgp: boolean; readonly layer2: boolean };
}

/** The protocols by which the node may announce the Service, as the advertisements have it. */
export interface Ways {
  readonly bgp: boolean;
  readonly layer2: boolean;
}

/**
 * A speaker that tells no state, as MetalLB's own does not, is heard by the objects that it writes. They tell what it
 * decided, not why, nor whether a router has heard it: peers stand there whose session never came up.
 */
export function writtenSteps(facts: ClusterFacts, key: string, pod: OwnPod, ways: Ways): readonly WrittenStep[] {
  const { bgp, layer2, owner, writes } = writtenOf(facts, key, pod.node);
  const rule = `node ${pod.node}`;
  const steps: WrittenStep[] = [];
  if (bgp !== null) {
    const peers = texts(fields(bgp.status).peers);
    const said = `it announces by BGP to ${peers.join(", ") || "no peer"}; whether the sessions are up, no object tells`;
    const object = `ServiceBGPStatus ${metaOf(bgp).name}`;
    steps.push({ verdict: peers.length > 0 ? "yes" : "no", rule, object, field: "status.peers", text: said });
  }
  if (layer2 !== null) {
    const names = list(fields(layer2.status).interfaces).map((each) => text(fields(each).name));
    const said = `it answers by layer 2 on ${names.join(", ") || "all interfaces"}`;
    const object = `ServiceL2Status ${metaOf(layer2).name}`;
    steps.push({ verdict: "yes", rule, object, field: "status.interfaces", text: said });
  } else if (ways.layer2 && owner !== "") {
    const object = `Pod ${pod.name}`;
    const said = `${owner} answers by layer 2, and one node does`;
    steps.push({ verdict: "no", rule, object, field: "status.node", text: said, byDesign: true });
  }
  if (steps.length > 0) return steps;
  const object = `Pod ${pod.name}`;
  const missing = [
    ...(ways.bgp && writes.bgp ? ["ServiceBGPStatus"] : []),
    ...(ways.layer2 && writes.layer2 ? ["ServiceL2Status"] : []),
  ];
  if (missing.length > 0) {
    const said = `it wrote no ${missing.join(" and no ")} of the Service, as speakers do that announce one`;
    return [{ verdict: "no", rule, object, field: "", text: said }];
  }
  const whose = isUpstream(pod) ? "one of MetalLB's own speakers does not tell" : "the speaker does not tell";
  return [{ verdict: "unknown", rule, object, field: "/state", text: `${whose} what it decided` }];
}

/** A refusal that only says what somebody wanted: it is none where the Service is announced otherwise. */
export interface WrittenStep extends Step {
  readonly byDesign?: true;
}

function writtenOf(facts: ClusterFacts, key: string, node: string): Written {
  const bgp = objectsOf(facts, "servicebgpstatuses");
  const layer2 = objectsOf(facts, "servicel2statuses");
  const ours = (object: Fields): boolean => {
    const { serviceName, serviceNamespace } = fields(object.status);
    return `${text(serviceNamespace)}/${text(serviceName)}` === key;
  };
  const at = (object: Fields): boolean => ours(object) && text(fields(object.status).node) === node;
  const other = layer2.find(ours);
  return {
    bgp: bgp.find(at) ?? null,
    layer2: layer2.find(at) ?? null,
    owner: other === undefined ? "" : text(fields(other.status).node),
    writes: { bgp: bgp.length > 0, layer2: layer2.length > 0 },
  };
}
