import { type FieldError, forbidden, invalid, required, unsupported } from "../base/errors.ts";
import { ensure, get, isObject, type JsonObject, list, objects, text, texts } from "../base/json.ts";
import { nameProblems } from "../base/names.ts";
import { define } from "./define.ts";
import { AGE, column, created, NAME, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";
import { bumpGeneration, setGeneration } from "./strategy.ts";

const OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

/** What is wrong with a `clientConfig`: where a webhook is, and who vouches for it. */
export function clientConfigErrors(config: JsonObject, at: string): FieldError[] {
  const { url, service } = config;
  if ((url === undefined) === (service === undefined))
    return [required(at, "exactly one of url or service is required")];
  if (typeof url === "string") {
    if (!URL.canParse(url))
      return [invalid(`${at}.url`, url, "url must be a valid URL: parse error; desired format: https://host[/path]")];
    const { protocol } = new URL(url);
    if (protocol !== "https:")
      return [
        invalid(
          `${at}.url`,
          protocol.slice(0, -1),
          "'https' is the only allowed URL scheme; desired format: https://host[/path]",
        ),
      ];
  }
  const errors: FieldError[] = [];
  if (isObject(service))
    for (const member of ["name", "namespace"])
      if (text(service, member) === "")
        errors.push(required(`${at}.service.${member}`, `service ${member} is required`));
  return errors;
}

function webhookErrors(webhook: JsonObject, at: string): FieldError[] {
  const name = text(webhook, "name");
  const errors: FieldError[] = [];
  if (name === "") errors.push(required(`${at}.name`));
  else if (name.split(".").length < 3)
    errors.push(invalid(`${at}.name`, name, "should be a domain with at least three segments separated by dots"));
  else errors.push(...nameProblems(name, "subdomain").map((problem) => invalid(`${at}.name`, name, problem)));
  if (!texts(webhook, "admissionReviewVersions").includes("v1"))
    errors.push(
      list(webhook, "admissionReviewVersions").length === 0
        ? required(`${at}.admissionReviewVersions`, "must specify one of v1, v1beta1")
        : invalid(
            `${at}.admissionReviewVersions`,
            list(webhook, "admissionReviewVersions"),
            "must include at least one of v1, v1beta1",
          ),
    );
  const sideEffects = text(webhook, "sideEffects");
  if (sideEffects === "") errors.push(required(`${at}.sideEffects`, "must specify one of None, NoneOnDryRun"));
  else if (!["None", "NoneOnDryRun"].includes(sideEffects))
    errors.push(unsupported(`${at}.sideEffects`, sideEffects, ["None", "NoneOnDryRun"]));
  const seconds = webhook.timeoutSeconds;
  if (typeof seconds === "number" && (seconds < 1 || seconds > 30))
    errors.push(invalid(`${at}.timeoutSeconds`, seconds, "the timeout value must be between 1 and 30 seconds"));
  objects(webhook, "rules").forEach((rule, i) => {
    const operations = texts(rule, "operations");
    if (operations.length === 0) errors.push(required(`${at}.rules[${i}].operations`));
    if (operations.length > 1 && operations.includes("*"))
      errors.push(
        invalid(`${at}.rules[${i}].operations`, operations, "if '*' is present, must not specify other operations"),
      );
    for (const one of operations)
      if (!OPERATIONS.includes(one)) errors.push(unsupported(`${at}.rules[${i}].operations`, one, OPERATIONS));
  });
  if (isObject(webhook.clientConfig)) errors.push(...clientConfigErrors(webhook.clientConfig, `${at}.clientConfig`));
  else errors.push(required(`${at}.clientConfig`, "exactly one of url or service is required"));
  return errors;
}

function strategy(mutating: boolean): Strategy {
  return {
    ...PLAIN,
    setDefaults: (configuration) => {
      for (const webhook of objects(configuration, "webhooks")) {
        webhook.failurePolicy ??= "Fail";
        webhook.matchPolicy ??= "Equivalent";
        webhook.namespaceSelector ??= {};
        webhook.objectSelector ??= {};
        webhook.timeoutSeconds ??= 10;
        if (mutating) webhook.reinvocationPolicy ??= "Never";
        for (const rule of objects(webhook, "rules")) rule.scope ??= "*";
        if (isObject(get(webhook, "clientConfig", "service"))) {
          const service = ensure(ensure(webhook, "clientConfig"), "service");
          service.port ??= 443;
        }
      }
    },
    prepareCreate: setGeneration,
    prepareUpdate: bumpGeneration,
    validate: (configuration) => {
      const webhooks = objects(configuration, "webhooks");
      const names = webhooks.map((webhook) => text(webhook, "name"));
      return webhooks.flatMap((webhook, i) => [
        ...(names.indexOf(names[i] ?? "") < i
          ? [forbidden(`webhooks[${i}].name`, `the name ${names[i] ?? ""} is there twice`)]
          : []),
        ...webhookErrors(webhook, `webhooks[${i}]`),
      ]);
    },
  };
}

function configuration(kind: "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration"): Resource {
  return define({
    group: "admissionregistration.k8s.io",
    kind,
    plural: `${kind.toLowerCase()}s`,
    categories: ["api-extensions"],
    namespaced: false,
    definition: `io.k8s.api.admissionregistration.v1.${kind}`,
    printer: printer([NAME, column("Webhooks"), AGE], (one, now) => [
      nameOf(one),
      objects(one, "webhooks").length,
      created(one, now),
    ]),
    strategy: strategy(kind.startsWith("Mutating")),
  });
}

/** What is asked before a write counts (`webhooks/`). */
export const webhookConfigurations: readonly Resource[] = [
  configuration("ValidatingWebhookConfiguration"),
  configuration("MutatingWebhookConfiguration"),
];
