import { type KubeClient, RESOURCES } from "#kube";
import type { Reviews } from "./guard.ts";

interface TokenReviewStatus {
  readonly authenticated?: boolean;
  readonly user?: {
    readonly username?: string;
    readonly uid?: string;
    readonly groups?: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
}

/** Who may read metrics: asked of the API server. */
export const reviews = (client: KubeClient): Reviews => ({
  async authenticate(token) {
    const review = await client.create(
      RESOURCES.tokenreviews,
      {},
      { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } },
    );
    const { authenticated, user } = (review.status ?? {}) as TokenReviewStatus;
    if (authenticated !== true || !user?.username) return null;
    return { username: user.username, uid: user.uid ?? "", groups: user.groups ?? [], extra: user.extra ?? {} };
  },
  async mayGet({ username, uid, groups, extra }, path) {
    const review = await client.create(
      RESOURCES.subjectaccessreviews,
      {},
      {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: { user: username, uid, groups, extra, nonResourceAttributes: { path, verb: "get" } },
      },
    );
    return (review.status as { allowed?: boolean } | undefined)?.allowed === true;
  },
});
