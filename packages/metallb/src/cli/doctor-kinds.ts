import { crdOf, DEFINITIONS, GROUP, groupOf } from "#api";
import { flagOf, metaOf, type OwnPod } from "#explain";
import { RESOURCES } from "#kube";
import { type Check, check } from "./doctor-check.ts";
import { fieldsOf, textOf } from "./json.ts";

const APPLY = "kubectl apply --server-side --force-conflicts -f deploy/crds";

/** The CRDs of MetalLB in the cluster: whether all are there, in the versions and with the fields that are read here. */
export function kinds(items: readonly unknown[] | null): readonly Check[] {
  if (items === null) return [check("unknown", "CRDs", "no right to list customresourcedefinitions")];
  const known = new Map(items.map((item) => [metaOf(item).name, fieldsOf(fieldsOf(item).spec)]));
  const missing: string[] = [];
  const unserved: string[] = [];
  const lacking: string[] = [];
  // A speaker does without the kind of frr-k8s, which only shows what it does.
  const needed = DEFINITIONS.filter((each) => groupOf(each) === GROUP);
  for (const definition of needed) {
    const name = `${definition.plural}.${GROUP}`;
    const spec = known.get(name);
    if (spec === undefined) {
      missing.push(name);
      continue;
    }
    const served = versionsOf(spec).filter((each) => each.served === true);
    for (const wanted of versionsOf(fieldsOf(crdOf(definition)).spec)) {
      const is = served.find((each) => each.name === wanted.name);
      if (is === undefined) unserved.push(`${name} ${textOf(wanted.name)}`);
      else lacking.push(...fieldsLacking(is, wanted).map((field) => `${name} ${textOf(wanted.name)} spec.${field}`));
    }
  }
  const checks = [
    ...(missing.length > 0 ? [check("failed", "CRDs", `missing: ${missing.join(", ")}`, APPLY)] : []),
    ...(unserved.length > 0
      ? [check("failed", "CRDs", `of another version, not served: ${unserved.join(", ")}`, APPLY)]
      : []),
    ...(lacking.length > 0
      ? [check("warning", "CRDs", `of another version: the API server drops ${few(lacking)} without a word`, APPLY)]
      : []),
  ];
  return checks.length > 0 ? checks : [check("ok", "CRDs", `all ${needed.length} are there`)];
}

export const few = (names: readonly string[]): string =>
  names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");

const versionsOf = (spec: unknown) => {
  const { versions } = fieldsOf(spec);
  return (Array.isArray(versions) ? versions : []).map(fieldsOf);
};

/** Fields of the spec that the CRD in the cluster does not have: what is written there is pruned. */
function fieldsLacking(is: Readonly<Record<string, unknown>>, wanted: Readonly<Record<string, unknown>>) {
  const there = specOf(is);
  // A schema that keeps what it does not name lacks nothing.
  if (there === null) return [];
  return Object.keys(specOf(wanted) ?? {}).filter((field) => !Object.hasOwn(there, field));
}

function specOf({ schema }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | null {
  const whole = fieldsOf(fieldsOf(schema).openAPIV3Schema);
  const spec = fieldsOf(fieldsOf(whole.properties).spec);
  return typeof spec.properties === "object" && spec.properties !== null ? fieldsOf(spec.properties) : null;
}

const CONVERSION = /^(\S+): .*conversion webhook for/s;

/** A CRD that asks a webhook of an installation that is gone, so that its objects cannot be read. */
export function conversions(problems: readonly string[]): readonly Check[] {
  return problems.flatMap((problem) => {
    const name = CONVERSION.exec(problem)?.[1];
    if (name === undefined) return [];
    const patch = `'{"spec":{"conversion":{"strategy":"None","webhook":null}}}'`;
    return [
      check(
        "failed",
        "CRDs",
        `${name} cannot be read: its CRD asks a conversion webhook that does not answer (${problem.slice(name.length + 2)})`,
        `start the controller that serves it, or: kubectl patch crd ${name} --type=merge -p ${patch}`,
      ),
    ];
  });
}

export const isConversion = (problem: string): boolean => CONVERSION.test(problem);

const WEBHOOK = "metallb-webhook-configuration";
export const WEBHOOK_CONFIGURATION = [RESOURCES.validatingwebhookconfigurations, { name: WEBHOOK }] as const;

/** What an installation left behind that nobody serves any more: then every change of a custom resource is refused. */
export function staleWebhook(found: unknown, pods: readonly OwnPod[]): readonly Check[] {
  if (found === null) return [];
  const controllers = pods.filter(({ component }) => component === "controller");
  const isServed = controllers.some(({ args }) => flagOf(args, "webhook-mode") !== "disabled");
  if (isServed) return [];
  const { webhooks } = fieldsOf(found);
  const all = (Array.isArray(webhooks) ? webhooks : []).map(fieldsOf);
  const refuses = all.some(({ failurePolicy }) => failurePolicy !== "Ignore");
  if (!refuses) return [];
  return [
    check(
      "failed",
      "leftovers",
      `${WEBHOOK} stands although no controller serves a webhook: changes of custom resources are refused`,
      `kubectl delete validatingwebhookconfiguration ${WEBHOOK}`,
    ),
  ];
}
