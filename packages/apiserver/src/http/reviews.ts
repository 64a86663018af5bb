import { timingSafeEqual } from "node:crypto";
import { badRequest, invalid, invalidObject } from "../base/errors.ts";
import { isObject, type JsonObject, object, text, texts } from "../base/json.ts";
import { ADMINISTRATOR, type User, userInfo } from "../base/user.ts";
import type { Storage } from "../store/storage.ts";
import { isAllowed } from "./access.ts";

export function sameToken(given: string, token: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(token);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Who asks, and what answers depend on. */
interface Asking {
  readonly token: string;
  readonly storage: Storage;
  readonly user: User;
}

/**
 * Answers a review. There is one user, who may do everything; of all others Roles and their bindings
 * say what they would be allowed. @throws ApiError 400, 422
 */
export function review(
  kind: string,
  apiVersion: string,
  body: JsonObject,
  { token, storage, user }: Asking,
): JsonObject {
  if (body.kind !== undefined && body.kind !== kind)
    throw badRequest(`${text(body, "kind")} in version "v1" cannot be handled as a ${kind}`);
  const spec = object(body, "spec");
  const answer = (status: JsonObject): JsonObject => ({ ...body, kind, apiVersion, status });
  switch (kind) {
    case "TokenReview": {
      const given = text(spec, "token");
      if (given === "") throw badRequest("token is required for TokenReview in authentication");
      if (!sameToken(given, token)) return answer({ user: {}, error: "invalid bearer token" });
      return answer({
        authenticated: true,
        user: userInfo(ADMINISTRATOR),
        audiences: ["https://kubernetes.default.svc"],
      });
    }
    case "SelfSubjectReview":
      return answer({ userInfo: userInfo(user) });
    case "SelfSubjectAccessReview":
      checkAttributes(spec);
      return answer({ allowed: isAllowed(storage, user, spec) });
    default: {
      checkAttributes(spec);
      const other = { name: text(spec, "user"), groups: texts(spec, "groups") };
      if (other.name === "" && other.groups.length === 0)
        throw wrong("user", "", "at least one of user or group must be specified");
      return answer({ allowed: isAllowed(storage, other, spec) });
    }
  }
}

function checkAttributes(spec: JsonObject): void {
  if (isObject(spec.resourceAttributes) === isObject(spec.nonResourceAttributes))
    throw wrong(
      "resourceAttributes",
      null,
      "exactly one of nonResourceAttributes or resourceAttributes must be specified",
    );
}

const wrong = (field: string, value: string | null, detail: string) =>
  invalidObject({ group: "authorization.k8s.io", kind: "", name: "" }, [invalid(`spec.${field}`, value, detail)]);
