/** What a speaker tells at `/placement` of the balanced Services. */
export interface PlacementReport {
  /** The node whose speaker places; null: nobody does. */
  readonly placer: string | null;
  /** How many Services are balanced. */
  readonly services: number;
  /** What must move for the nodes to be level. */
  readonly moves: readonly ReportedMove[];
}

export interface ReportedMove {
  /** Those that have the address. */
  readonly services: readonly string[];
  /** The first of their addresses. */
  readonly address: string;
  readonly from: string;
  readonly to: string;
}
