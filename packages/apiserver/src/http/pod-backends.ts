/** What stands behind Pod objects, where something does: no kubelet runs them. */
export interface PodBackends {
  /** Where a port of the Pod is really served, for `pods/proxy`; null: nowhere. */
  address(pod: string, port: number | null): { readonly host: string; readonly port: number } | null;
  /** The file that holds what the Pod wrote, for `pods/log`; null: none. `pod`: `namespace/name`. */
  log(pod: string): string | null;
  /** What to do instead of `kubectl exec`, in words. */
  readonly insteadOfExec: string;
}
