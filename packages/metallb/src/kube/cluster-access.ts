/** Options of TLS as Node takes them. `key` is a secret. */
export interface ClusterTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Where the API is and how to prove who asks. */
export interface Cluster {
  readonly server: string;
  readonly namespace: string | null;
  /** As of now: files are read again when they changed, and a plugin may give a certificate with `token`. Ask for the token first. */
  readonly tls: ClusterTls;
  /** The bearer token of now, read again when its file changed or it ran out; null when there is none. */
  token(): Promise<string | null>;
  /** The API answered 401: what was remembered counts no more. */
  refused?(): void;
  /** What answered did not prove to be the API: the CA that is remembered may have been replaced. */
  distrusted?(): void;
  /** Sent with each request: a password, or on whose behalf it is. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** URL of the proxy (http, https, socks5, socks5h), with user and password where it has them; null: none. */
  readonly proxy?: string | null;
}
