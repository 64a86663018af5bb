import type {
  ClusterView,
  ConfigurationProblem,
  ControllerView,
  NodeView,
  NodeVoice,
  OwnerView,
  PoolView,
  SessionView,
} from "#view";
import {
  type ControllerState,
  deafOf,
  type Fields,
  fields,
  list,
  readControllerState,
  readSpeakerState,
  type ServiceFacts,
  type SpeakerState,
  serviceView,
  text,
  texts,
} from "#view";
import {
  type ClusterFacts,
  classOf,
  compileFacts,
  isUpstream,
  metaOf,
  type OwnPod,
  objectsOf,
  ownPods,
} from "./facts.ts";

/** What a cluster's API server and MetalLB's own Pods tell, in the shape that is shown. */
export function clusterView(facts: ClusterFacts): ClusterView {
  const pods = ownPods(facts.objects.pods ?? []);
  const { controller, leader } = controllerOf(facts, pods);
  const speakers = pods.filter(({ component }) => component === "speaker");
  const told = new Map(speakers.map((pod) => [pod.name, speakerOf(facts, pod)]));
  const voices = speakers.map((pod) => voiceOf(facts, pod, told.get(pod.name) ?? null));
  const ourClass = classOf(pods);
  return {
    kind: "cluster",
    server: facts.server,
    namespace: facts.namespace,
    controller,
    nodes: speakers.map((pod) => nodeView(facts, pod, told.get(pod.name) ?? null)),
    pools: objectsOf(facts, "ipaddresspools").map((pool) => poolView(pool, leader)),
    services: loadBalancers(facts).map((service) => serviceView(service, { ourClass, controller: leader, voices })),
    layer2: ownersOf(facts, speakers, told),
    configuration: problemsOf(facts, leader, [...told.values()]),
    problems: [...facts.problems, ...silent(pods, facts)],
    notes: upstreamNote(pods),
    unread: Object.entries(facts.objects).flatMap(([kind, objects]) => (objects === null ? [kind] : [])),
  };
}

/** What the speakers say; where they tell no state, what the status objects do, which name no address. */
function ownersOf(
  facts: ClusterFacts,
  speakers: readonly OwnPod[],
  told: ReadonlyMap<string, SpeakerState | null>,
): readonly OwnerView[] {
  const addresses = new Map(loadBalancers(facts).map((service) => [service.key, service.addresses]));
  return speakers
    .flatMap((pod): readonly OwnerView[] => {
      const state = told.get(pod.name) ?? null;
      if (state !== null) return state.layer2.map((owner) => ({ ...owner, node: pod.node }));
      return objectsOf(facts, "servicel2statuses").flatMap((object) => {
        const { node, service } = statusOf(object);
        const { interfaces } = fields(object.status);
        const names = list(interfaces).map((each) => text(fields(each).name));
        if (node !== pod.node) return [];
        return (addresses.get(service) ?? []).map((address) => ({ service, address, node, interfaces: names }));
      });
    })
    .toSorted((a, b) => (a.service < b.service ? -1 : 1));
}

function controllerOf(
  facts: ClusterFacts,
  pods: readonly OwnPod[],
): { readonly controller: ControllerView; readonly leader: ControllerState | null } {
  const replicas = pods
    .filter(({ component }) => component === "controller")
    .map((pod) => ({
      pod,
      state: facts.states.has(pod.name) ? readControllerState(facts.states.get(pod.name)) : null,
    }));
  const chosen =
    replicas.find(({ state }) => state?.leading === true) ?? replicas.find(({ pod }) => pod.ready) ?? replicas[0];
  if (chosen === undefined) {
    const lastEnding = facts.objects.pods == null ? "Pods could not be read" : `no Pod in ${facts.namespace}`;
    return { controller: { ...NO_PROCESS, lastEnding, leading: null }, leader: null };
  }
  return {
    controller: { ...processOf(chosen.pod), leading: chosen.state?.leading ?? null },
    leader: chosen.state,
  };
}

const NO_PROCESS = { running: false, title: "", pid: null, restarts: 0, lastEnding: "" };

const processOf = ({ name, ready, restarts, trouble }: OwnPod) => ({
  running: ready,
  title: `Pod ${name}`,
  pid: null,
  restarts,
  lastEnding: trouble,
});

/** What was read of a state, for as long as somebody holds the state: it is megabytes, and looked at more often than it changes. */
const readStates = new WeakMap<object, SpeakerState>();

function speakerOf({ states }: ClusterFacts, { name }: OwnPod): SpeakerState | null {
  const state = states.get(name);
  if (typeof state !== "object" || state === null) return states.has(name) ? readSpeakerState(state) : null;
  const known = readStates.get(state);
  if (known !== undefined) return known;
  const read = readSpeakerState(state);
  readStates.set(state, read);
  return read;
}

function nodeView(facts: ClusterFacts, pod: OwnPod, speaker: SpeakerState | null): NodeView {
  const node = objectsOf(facts, "nodes").find((each) => metaOf(each).name === pod.node);
  const [first] = list(fields(node?.status).addresses).map(fields);
  return {
    name: pod.node || pod.name,
    address: text(first?.address) || pod.address,
    cut: false,
    speaker: processOf(pod),
    sessions: (speaker?.sessions ?? []).map((session): SessionView => {
      const { state, ...told } = session;
      return { ...told, established: state === "Established", router: "", speaker: state, timer: "" };
    }),
  };
}

const NOBODY: ReadonlySet<string> = new Set();

/** A speaker that tells no state (upstream's does not) is heard by the status objects that it writes. */
function voiceOf(facts: ClusterFacts, pod: OwnPod, told: SpeakerState | null): NodeVoice {
  if (told !== null) {
    const deaf = deafOf(told.sessions.map(({ peer, state }) => ({ peer, established: state === "Established" })));
    return { node: pod.node, speaker: told, deaf };
  }
  const written = [
    ...objectsOf(facts, "servicebgpstatuses").map((object) => ({ by: "BGP", ...statusOf(object) })),
    ...objectsOf(facts, "servicel2statuses").map((object) => ({ by: "layer 2", ...statusOf(object) })),
  ].filter(({ node }) => node === pod.node);
  if (written.length === 0) return { node: pod.node, speaker: null, deaf: NOBODY };
  const verdicts = new Map(
    written.map(({ service, peers, by }) => [
      service,
      { announced: true, by: [by], reason: "", byDesign: false, peers, lacking: [], notes: [] },
    ]),
  );
  const speaker = { sessions: [], verdicts, isPartial: false, layer2: [], strictReversePaths: [], problems: [] };
  return { node: pod.node, speaker, deaf: NOBODY };
}

function statusOf({ status }: Fields): {
  readonly node: string;
  readonly service: string;
  readonly peers: readonly string[];
} {
  const { node, serviceName, serviceNamespace, peers } = fields(status);
  return { node: text(node), service: `${text(serviceNamespace)}/${text(serviceName)}`, peers: texts(peers) };
}

const loadBalancers = (facts: ClusterFacts): readonly ServiceFacts[] =>
  objectsOf(facts, "services")
    .filter(({ spec }) => fields(spec).type === "LoadBalancer")
    .map(serviceFacts)
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));

function serviceFacts({ metadata, spec, status }: Fields): ServiceFacts {
  const { annotations } = fields(metadata);
  const { loadBalancerClass } = fields(spec);
  const { loadBalancer, conditions } = fields(status);
  const allocated = list(conditions)
    .map(fields)
    .find(({ type }) => type === "metallb.io/Allocated");
  return {
    key: metaOf({ metadata }).key,
    loadBalancerClass: typeof loadBalancerClass === "string" ? loadBalancerClass : null,
    addresses: list(fields(loadBalancer).ingress)
      .map((ingress) => text(fields(ingress).ip) || text(fields(ingress).hostname))
      .filter((address) => address !== ""),
    pool: text(fields(annotations)["metallb.io/ip-allocated-from-pool"]),
    pending: allocated === undefined || allocated.status === "True" ? "" : text(allocated.message),
  };
}

function poolView(pool: Fields, controller: ControllerState | null): PoolView {
  const { name } = metaOf(pool);
  const { addresses, autoAssign } = fields(pool.spec);
  const told = controller?.pools.get(name) ?? null;
  const status = fields(pool.status);
  const sum = (a: unknown, b: unknown): string | null =>
    typeof a === "number" && typeof b === "number" ? String(a + b) : null;
  return {
    name,
    addresses: texts(addresses),
    autoAssign: autoAssign !== false,
    used: told?.used ?? sum(status.assignedIPv4, status.assignedIPv6),
    free: told?.free ?? sum(status.availableIPv4, status.availableIPv6),
  };
}

/** What the processes say, each problem once; where none of them says anything, what the objects themselves say. */
function problemsOf(
  facts: ClusterFacts,
  controller: ControllerState | null,
  speakers: readonly (SpeakerState | null)[],
): readonly ConfigurationProblem[] {
  const states = [controller, ...speakers].filter((state) => state !== null);
  if (states.length > 0) {
    const all = states.flatMap(({ problems }) => problems);
    return [...new Map(all.map((problem) => [JSON.stringify(problem), problem])).values()];
  }
  // A reference to a Secret that nobody asked for is none of these.
  return compileFacts(facts)
    .problems.filter(({ transient }) => !transient)
    .map(({ kind, name, path, code, message }) => ({ object: `${kind} ${name}`, field: path, code, message }));
}

/** Pods that run and tell nothing. */
function silent(pods: readonly OwnPod[], { states }: ClusterFacts): readonly string[] {
  const quiet = pods.filter((pod) => pod.ready && !states.has(pod.name) && !isUpstream(pod));
  if (quiet.length === 0) return [];
  const few = quiet.slice(0, 3).map(({ name }) => name);
  const names = quiet.length > 3 ? `${few.join(", ")} and ${quiet.length - 3} more` : few.join(", ");
  return [`no state of ${names}: an older or a foreign version, or no right to get and create pods/portforward`];
}

/** A cluster that runs upstream is in order; only what its processes decide is told by nobody. */
function upstreamNote(pods: readonly OwnPod[]): readonly string[] {
  const images = [...new Set(pods.filter(isUpstream).map(({ image }) => image))];
  if (images.length === 0) return [];
  const what = "sessions and reasons are not told, and who announces is read from status objects";
  return [`MetalLB's own programs run here (${images.join(", ")}): ${what}`];
}
