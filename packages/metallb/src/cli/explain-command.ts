import { type ClusterFacts, explain, metaOf, type Step } from "#explain";
import { meant, visible } from "#terminal";
import type { ClusterCommand } from "./cluster-command.ts";
import { DONE, FAILED } from "./exit-codes.ts";
import type { Shown } from "./output.ts";
import { serviceKey } from "./service-key.ts";

const MARKS = {
  yes: ["green", "✓"],
  no: ["red", "✗"],
  note: ["dim", "·"],
  unknown: ["yellow", "?"],
} as const satisfies Readonly<Record<Step["verdict"], readonly [string, string]>>;

function show(facts: ClusterFacts, words: readonly string[]): Shown {
  const [asked = ""] = words;
  const keys = (facts.objects.services ?? []).map((object) => metaOf(object).key);
  const key = serviceKey(asked, keys);
  const explanation = explain(facts, key);
  if (explanation === null) {
    if (facts.objects.services == null) throw new Error(facts.problems.join("; "));
    throw new Error(`there is no Service '${visible(key)}'${meant(key, keys)}`);
  }
  const { steps, summary } = explanation;
  return {
    data: { ...explanation, problems: facts.problems },
    lines: (paint) => [
      visible(summary),
      "",
      ...steps.flatMap(({ verdict, rule, object, field, text }) => {
        const [colour, mark] = MARKS[verdict];
        const where = [object, field].filter((part) => part !== "").join("  ");
        return [
          `${paint(colour, mark)} ${visible(rule).padEnd(20)} ${visible(text)}`,
          `  ${"".padEnd(20)} ${paint("dim", visible(where))}`,
        ];
      }),
      ...facts.problems.map((problem) => `${paint("yellow", "?")} ${visible(problem)}`),
    ],
    exitCode: steps.some(({ verdict }) => verdict === "no") ? FAILED : DONE,
  };
}

export const EXPLAIN_COMMAND: ClusterCommand = {
  grammar: "explain <service>",
  description:
    "why a Service ([namespace/]name) has its address and routes or not: every rule in order, from pool to router",
  kinds: [
    "services",
    "nodes",
    "namespaces",
    "endpointslices",
    "pods",
    "ipaddresspools",
    "bgpadvertisements",
    "l2advertisements",
    "bgppeers",
    "bfdprofiles",
    "communities",
    "servicebgpstatuses",
    "servicel2statuses",
  ],
  states: true,
  show,
};
