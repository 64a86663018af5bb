/** PEM texts as TLS servers take them. `key` is a secret. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}
