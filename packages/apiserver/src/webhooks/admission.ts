import { randomUUID } from "node:crypto";
import { ApiError } from "../base/errors.ts";
import { type JsonObject, number, object, objects, text, texts } from "../base/json.ts";
import { MAX_OBJECT } from "../base/limits.ts";
import { userInfo } from "../base/user.ts";
import { decodeBody } from "../change/decode.ts";
import { jsonPatch } from "../change/json-patch.ts";
import type { Step, WriteRequest } from "../change/request.ts";
import type { Registry } from "../kinds/registry.ts";
import { apiVersionOf, type Resource } from "../kinds/resource.ts";
import type { Storage } from "../store/storage.ts";
import { callWebhook } from "./call.ts";
import { convert } from "./conversion.ts";
import { type Asked, conditionsHold, rulesMatch, selectorsMatch } from "./matching.ts";

/** One webhook that is asked about a write, in the version that its rules name. */
export interface Hook {
  readonly webhook: JsonObject;
  readonly resource: Resource;
}

const COLLECTIONS = { mutate: "mutatingwebhookconfigurations", validate: "validatingwebhookconfigurations" } as const;

/** Asks the webhooks of the cluster before a write counts. */
export class Admission {
  private readonly storage: Storage;
  private readonly registry: Registry;

  constructor(storage: Storage, registry: Registry) {
    this.storage = storage;
    this.registry = registry;
  }

  /** Whether anybody may be asked about writes of this kind: not about the configurations themselves. */
  isQuiet(resource: Resource): boolean {
    return (
      resource.group === "admissionregistration.k8s.io" ||
      Object.values(COLLECTIONS).every((name) => this.storage.collection(name).size === 0)
    );
  }

  /** The webhooks that are to be asked, in their order. */
  hooks(kind: "mutate" | "validate", asked: Asked): Hook[] {
    if (this.isQuiet(asked.resource)) return [];
    const configurations = [...this.storage.collection(COLLECTIONS[kind]).values()];
    configurations.sort((a, b) => (a.key < b.key ? -1 : 1));
    return configurations
      .flatMap(({ object: configuration }) => objects(configuration, "webhooks"))
      .flatMap((webhook) => {
        const resource = this.versionFor(webhook, asked);
        return resource && selectorsMatch(this.storage, webhook, asked) ? [{ webhook, resource }] : [];
      });
  }

  /** The version of the kind that the webhook wants to see; null when it is not concerned. */
  private versionFor(webhook: JsonObject, asked: Asked): Resource | null {
    if (rulesMatch(webhook, asked.resource, asked)) return asked.resource;
    if (text(webhook, "matchPolicy") === "Exact") return null;
    return (
      this.registry
        .all()
        .find((one) => one.collection === asked.resource.collection && rulesMatch(webhook, one, asked)) ?? null
    );
  }

  /** Asks every mutating webhook in turn. Returns the object as they leave it. @throws ApiError of a refusal */
  async mutate(hooks: readonly Hook[], asked: Asked, request: WriteRequest): Promise<JsonObject | null> {
    let value = asked.object;
    for (const hook of hooks) {
      const response = await this.ask(hook, { ...asked, object: value }, request);
      const patch = text(response ?? {}, "patch");
      if (value === null || patch === "") continue;
      const shown = hook.resource === asked.resource ? value : await this.inVersion(hook.resource, value);
      let patched = jsonPatch(shown, JSON.parse(Buffer.from(patch, "base64").toString()), MAX_OBJECT);
      if (hook.resource !== asked.resource) patched = await this.inVersion(asked.resource, patched);
      decodeBody(asked.resource, patched, "Ignore");
      value = patched;
    }
    return value;
  }

  /** Asks all validating webhooks at once. @throws ApiError of the first refusal */
  async validate(hooks: readonly Hook[], asked: Asked, request: WriteRequest): Promise<void> {
    const answers = await Promise.allSettled(hooks.map((hook) => this.ask(hook, asked, request)));
    for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
  }

  /** The webhook's response; null where it is not asked, or fails and may. @throws ApiError */
  private async ask(hook: Hook, asked: Asked, request: WriteRequest): Promise<JsonObject | null> {
    const { webhook } = hook;
    const name = text(webhook, "name");
    const uid = randomUUID();
    let answer: JsonObject;
    try {
      const review = await this.review(uid, hook, asked, request);
      if (!conditionsHold(webhook, review)) return null;
      const body = { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", request: review };
      answer = await callWebhook(
        this.storage,
        object(webhook, "clientConfig"),
        body,
        number(webhook, "timeoutSeconds") ?? 10,
      );
      if (text(answer, "response", "uid") !== uid) throw new Error(`expected response.uid=${JSON.stringify(uid)}`);
    } catch (error) {
      if (text(webhook, "failurePolicy") === "Ignore") return null;
      const why = error instanceof Error ? error.message : String(error);
      throw new ApiError(
        500,
        "InternalError",
        `Internal error occurred: failed calling webhook ${JSON.stringify(name)}: failed to call webhook: ${why}`,
        { causes: [{ message: `failed calling webhook ${JSON.stringify(name)}: failed to call webhook: ${why}` }] },
      );
    }
    const response = object(answer, "response");
    for (const warning of texts(response, "warnings")) request.warn(warning);
    if (response.allowed !== true) throw refusal(name, object(response, "status"));
    return response;
  }

  private async review(uid: string, { resource }: Hook, asked: Asked, request: WriteRequest): Promise<JsonObject> {
    const kindOf = (one: Resource) => ({ group: one.group, version: one.version, kind: one.kind });
    const resourceOf = (one: Resource) => ({ group: one.group, version: one.version, resource: one.plural });
    const shown = async (value: JsonObject | null) =>
      value === null || resource === asked.resource ? value : await this.inVersion(resource, value);
    const review: JsonObject = {
      uid,
      kind: kindOf(resource),
      resource: resourceOf(resource),
      requestKind: kindOf(asked.resource),
      requestResource: resourceOf(asked.resource),
      name: text(asked.object ?? asked.old, "metadata", "name"),
      operation: asked.operation,
      userInfo: userInfo(request.user),
      object: await shown(asked.object),
      oldObject: await shown(asked.old),
      dryRun: request.dryRun,
      options: { kind: OPTIONS[asked.operation], apiVersion: "meta.k8s.io/v1" },
    };
    if (asked.namespace !== "") review.namespace = asked.namespace;
    if (asked.subresource !== "")
      Object.assign(review, { subResource: asked.subresource, requestSubResource: asked.subresource });
    return review;
  }

  private async inVersion(resource: Resource, value: JsonObject): Promise<JsonObject> {
    const apiVersion = apiVersionOf(resource);
    if (value.apiVersion === apiVersion) return value;
    if (resource.conversion !== null)
      return (await convert(this.storage, resource, [value], apiVersion))[0] as JsonObject;
    return resource.fromStored ? resource.fromStored(value) : { ...value, apiVersion };
  }
}

const OPTIONS = { CREATE: "CreateOptions", UPDATE: "UpdateOptions", DELETE: "DeleteOptions" } as const;

/** The refusal in the webhook's words. */
function refusal(name: string, status: JsonObject): ApiError {
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why = text(status, "message") || text(status, "reason");
  const { code, reason, details } = status;
  return new ApiError(
    typeof code === "number" && code >= 400 && code < 600 ? code : 400,
    typeof reason === "string" ? reason : "",
    why === "" ? `${denied} without explanation` : `${denied}: ${why}`,
    typeof details === "object" && details !== null && !Array.isArray(details) ? details : {},
  );
}

/** What a step of a write is to webhooks; null for what they are not asked about. */
export function askedBy(step: Step, request: WriteRequest): Asked | null {
  if (step.kind === "store") return null;
  const { operation, object: value, old } = step;
  const { resource, namespace, subresource } = request;
  return { resource, operation, subresource, namespace, object: value, old };
}
