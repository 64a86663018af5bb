declare const measure: unique symbol;

/**
 * A moment: milliseconds on a clock that never goes back. Whose clock it is, only who gives it knows: such moments
 * are compared within one process and told to nobody.
 */
export type Instant = number & { readonly [measure]?: "instant" };

/** A length of time, milliseconds. */
export type Duration = number & { readonly [measure]?: "duration" };

/** A length of time, seconds: as protocols put it on the wire and Kubernetes into its objects. */
export type Seconds = number & { readonly [measure]?: "seconds" };

/** A moment that others are told: milliseconds since 1970, as the machine's clock shows it, which may be set. */
export type Timestamp = number & { readonly [measure]?: "timestamp" };
