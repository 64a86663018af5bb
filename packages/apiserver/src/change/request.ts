import { badRequest, type FieldError, invalidObject } from "../base/errors.ts";
import { ensure, type JsonObject, text } from "../base/json.ts";
import type { User } from "../base/user.ts";
import { kindSubject, type Resource } from "../kinds/resource.ts";
import type { Entry } from "../store/storage.ts";
import { decodeBody, type FieldValidation } from "./decode.ts";
import type { Manager } from "./managers.ts";

/** A write as its request describes it. */
export interface WriteRequest {
  readonly resource: Resource;
  /** "" where the kind has none. */
  readonly namespace: string;
  readonly name: string | null;
  readonly subresource: "" | "status" | "finalize";
  readonly manager: string;
  readonly validation: FieldValidation;
  readonly dryRun: boolean;
  /** For server-side apply. */
  readonly force: boolean;
  readonly user: User;
  /** Gets the texts for the Warning header. */
  readonly warn: (text: string) => void;
}

export interface Written {
  readonly entry: Entry;
  readonly created: boolean;
}

/** Where a write stops, and what it goes on with. */
export type Step =
  /** Admission may still change the object. */
  | {
      readonly kind: "mutate";
      readonly operation: Operation;
      readonly object: JsonObject;
      readonly old: JsonObject | null;
    }
  /** Admission may refuse the object, or the deletion of the old one. */
  | {
      readonly kind: "validate";
      readonly operation: Operation;
      readonly object: JsonObject | null;
      readonly old: JsonObject | null;
    }
  /** The object in the version of the request, to be stored: it goes on as it is stored. */
  | { readonly kind: "store"; readonly object: JsonObject };

export type Operation = "CREATE" | "UPDATE" | "DELETE";

/**
 * A write on its way. It is resumed with the object of its step, as that has become. Where nobody is
 * asked it runs through in one go, so two writes never mix; one that had to wait looks again.
 */
export type Write<T> = Generator<Step, T, JsonObject>;

/** The object as it is stored, which may be in another version. */
export function* storedForm(resource: Resource, object: JsonObject): Write<JsonObject> {
  if (resource.conversion !== null) return yield { kind: "store", object };
  return resource.toStored ? resource.toStored(object) : object;
}

/** What a write was made of has changed while it waited: it has to start anew. */
export class Stale extends Error {}

export function decode(request: WriteRequest, body: JsonObject): void {
  for (const warning of decodeBody(request.resource, body, request.validation)) request.warn(warning);
}

export const managerOf = (request: WriteRequest): Manager => ({
  name: request.manager || "unknown",
  subresource: request.subresource === "finalize" ? "" : request.subresource,
});

/** The namespace of the path, which the body may repeat. */
export function placeIn({ resource, namespace }: WriteRequest, body: JsonObject): void {
  const metadata = ensure(body, "metadata");
  const given = text(metadata, "namespace");
  if (!resource.namespaced) {
    delete metadata.namespace;
    return;
  }
  if (given !== "" && given !== namespace)
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  metadata.namespace = namespace;
}

export function refuse(resource: Resource, name: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject(kindSubject(resource, name), errors);
}
