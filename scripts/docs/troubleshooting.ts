import { REASONS as ADDRESS_REASONS, POOL_REASONS } from "metallb/allocator";
import { PROBLEM_CODES } from "metallb/config";
import { REASONS as ANNOUNCEMENT_REASONS } from "metallb/planner";
import { ADDRESS_ADVICE, POOL_ADVICE } from "./advice-addresses.ts";
import { ANNOUNCEMENT_ADVICE } from "./advice-announcement.ts";
import { CONFIGURATION_ADVICE } from "./advice-configuration.ts";
import { code, head } from "./markdown.ts";

/** What stands in the page beside a reason's code. */
export interface Advice {
  readonly means: string;
  /** How to see it. */
  readonly see: string;
  readonly do: string;
}

const LISTS = new Set(["ips", "users", "clusterIPs"]);

/** Stands for the facts that fill a sentence: each is its own name. */
const FACTS: unknown = new Proxy(
  {},
  { get: (_, name) => (LISTS.has(String(name)) ? [`{${String(name)}}`] : `{${String(name)}}`) },
);

/** Every code of the tables with the sentence that people read; null: each place has a sentence of its own. */
export const SECTIONS: readonly {
  readonly title: string;
  readonly about: string;
  readonly sentences: Readonly<Record<string, string | null>>;
  readonly advice: Readonly<Record<string, Advice>>;
}[] = [
  {
    title: "Addresses",
    about:
      "The Service shows `<pending>`. The code is the reason of its condition `metallb.io/Allocated`, and the sentence stands in the event `AllocationFailed` and in `metallb explain`.",
    sentences: Object.fromEntries(
      Object.entries(ADDRESS_REASONS).map(([name, text]) => [name, (text as (facts: unknown) => string)(FACTS)]),
    ),
    advice: ADDRESS_ADVICE,
  },
  {
    title: "One pool",
    about: "Why a pool that was looked at said no; the condition's message and `metallb explain` name each.",
    sentences: POOL_REASONS,
    advice: POOL_ADVICE,
  },
  {
    title: "Announcement",
    about:
      "The Service has an address, and a node does not announce it. `metallb explain NAME` says it of each node and each protocol; the speaker's `/state` and its log at level debug have the code.",
    sentences: ANNOUNCEMENT_REASONS,
    advice: ANNOUNCEMENT_ADVICE,
  },
  {
    title: "Configuration",
    about:
      "An object does not count, or not wholly. `kubectl -n metallb-system get configurationstates` lists object, field and message; the metric `metallb_k8s_client_config_stale_bool` is 1. What was right before goes on counting.",
    sentences: Object.fromEntries(PROBLEM_CODES.map((name) => [name, null])),
    advice: CONFIGURATION_ADVICE,
  },
];

/** docs/troubleshooting.md: each code with what it means, how to see it and what to do. */
export function troubleshootingPage(): string {
  const about = `Begin with two commands; both work with your kubeconfig alone:

\`\`\`
metallb status            # what is wrong, worst first
metallb explain NAME      # one Service, every rule from pool to router in order
\`\`\`

Without the command line, \`kubectl describe service NAME\` shows conditions and events. Each refusal has a code; they are below in the order in which they matter. What no code tells is at the [end](#no-code-and-no-traffic).`;
  const from = "the tables of reasons in allocator, planner and config, and scripts/docs/advice-*.ts";
  return `${head("Troubleshooting", from, about)}
${SECTIONS.map(sectionOf).join("\n")}
${NO_CODE}`;
}

const sectionOf = ({ title, about, sentences, advice }: (typeof SECTIONS)[number]): string =>
  `## ${title}\n\n${about}\n\n${Object.entries(sentences)
    .map(([name, text]) => entryOf(name, text, advice[name]))
    .join("\n")}`;

const entryOf = (name: string, text: string | null, advice: Advice | undefined): string =>
  advice === undefined
    ? ""
    : `### ${code(name)}

${text === null ? "" : `> ${text}\n\n`}${advice.means}

- **See it**: ${advice.see}
- **Do**: ${advice.do}
`;

const NO_CODE = `## No code, and no traffic

The Service has an address and is announced, and a client gets no answer.

| look at | with | what is wrong there |
| --- | --- | --- |
| the router | \`show route 198.51.100.1\` or its like | no route: a filter on the router. One route instead of several: ECMP is off |
| the node, by BGP | \`tcpdump -ni any host 198.51.100.1\` | packets come in and nothing goes out: reverse path filtering. \`metallb doctor --node\` shows \`rp_filter\`; 2 (loose) is right where answers leave by another interface |
| the node, by layer 2 | \`arping 198.51.100.1\` from the same LAN | no answer: a switch or hypervisor that forbids foreign addresses ("MAC spoofing", "port security"). Two answers: kube-proxy with IPVS and without \`strictARP\`, or another host |
| kube-proxy | \`curl http://CLUSTER-IP\` on the node | no answer: the Service does not work inside the cluster either |
| ping | | is never answered by an address of a Service with most proxies: try a port |

## A session does not come up

\`metallb bgp\` has the state and the reason, in the router's own words where it said any.

| reason | what to do |
| --- | --- |
| connection refused | the router does not listen there, or does not know this node as a neighbour |
| timed out | a firewall on port 179, a wrong address, or a password that only one side has: TCP MD5 drops in silence |
| bad peer AS | \`peerASN\` or \`myASN\` differs from what the router has |
| hold timer expired | packets are lost, or the router is busy; see its log at that time |
| the router closed the session | its NOTIFICATION says why |
`;
