import { badRequest, type FieldError, invalidObject } from "../base/errors.ts";
import { ensure, type JsonObject, text } from "../base/json.ts";
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
  /** Gets the texts for the Warning header. */
  readonly warn: (text: string) => void;
}

export interface Written {
  readonly entry: Entry;
  readonly created: boolean;
}

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
