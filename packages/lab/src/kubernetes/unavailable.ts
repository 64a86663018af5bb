/** A real Kubernetes cannot be had here; the message says what to do about it. */
export class KubernetesUnavailable extends Error {
  override readonly name = "KubernetesUnavailable";
}
