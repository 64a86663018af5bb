/** What is wrong with an object of the configuration. */
export interface ReportedProblem {
  readonly kind: string;
  readonly name: string;
  /** Path of the field, such as `spec.addresses[0]`; empty for the whole object. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/** What `GET /state` of a controller answers. Counts of addresses are decimal texts where numbers end. */
export interface ControllerReport {
  readonly ready: boolean;
  readonly leading: boolean;
  readonly pools: readonly {
    readonly name: string;
    readonly ipv4: ReportedUsage;
    readonly ipv6: ReportedUsage;
  }[];
  readonly allocations: readonly {
    readonly service: string;
    readonly pool: string;
    readonly ips: readonly string[];
    /** Why a family is missing. */
    readonly lacking: ReportedRefusal | null;
  }[];
  readonly waiting: readonly (ReportedRefusal & { readonly service: string })[];
  /** Services that are left out, since there are too many. */
  readonly omitted: number;
  readonly problems: readonly ReportedProblem[];
}

export interface ReportedUsage {
  readonly total: string;
  readonly used: number;
  readonly free: string;
}

export interface ReportedRefusal {
  readonly code: string;
  readonly message: string;
  readonly pools: readonly { readonly pool: string; readonly code: string; readonly message: string }[];
}
