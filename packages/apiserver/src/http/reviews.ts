import { timingSafeEqual } from "node:crypto";
import { isObject, type JsonObject, object, text } from "../base/json.ts";

const USER: JsonObject = {
  username: "admin",
  uid: "admin",
  groups: ["system:masters", "system:authenticated"],
};

export function sameToken(given: string, token: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(token);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Answers a TokenReview or a SubjectAccessReview: the lab has one user, who may do everything. */
export function review(kind: string, body: JsonObject, token: string): JsonObject {
  const spec = object(body, "spec");
  if (kind === "TokenReview") {
    const authenticated = sameToken(text(spec, "token"), token);
    const status: JsonObject = authenticated
      ? { authenticated, user: USER }
      : { authenticated, user: {}, error: "invalid bearer token" };
    return { ...body, spec: isObject(body.spec) ? { ...spec, token: "" } : {}, status };
  }
  const groups = object(body, "spec").groups;
  const isUser =
    kind === "SelfSubjectAccessReview" ||
    text(spec, "user") === USER.username ||
    (Array.isArray(groups) && groups.includes("system:masters"));
  return { ...body, status: { allowed: isUser, ...(isUser ? {} : { denied: false, reason: "" }) } };
}
