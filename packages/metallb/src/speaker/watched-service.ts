import type { Service } from "#api";
import { KINDS, type Overrides } from "#world";

/** The type of the condition that a Service bears while a foreign host has or claims its address. */
export const CONFLICT = "metallb.io/AddressConflict";

/** A Service as the speaker sees it. */
export interface SpeakerService extends Service {
  /** The message of its condition {@link CONFLICT}; absent: it bears none. */
  readonly conflict?: string;
}

interface WithConditions {
  readonly status?: { readonly conditions?: readonly { readonly type?: unknown; readonly message?: unknown }[] };
}

function speakerService(object: unknown): SpeakerService | null {
  const service = KINDS.services.project(object);
  const conditions = (object as WithConditions).status?.conditions;
  const condition = Array.isArray(conditions) ? conditions.find(({ type }) => type === CONFLICT) : undefined;
  return service && condition ? { ...service, conflict: String(condition.message ?? "") } : service;
}

export const SPEAKER_OVERRIDES: Overrides = { services: { project: speakerService } };
