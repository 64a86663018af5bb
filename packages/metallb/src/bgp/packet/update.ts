import { ByteReader, err, type Ip, ok, type Prefix, type Result } from "#net";
import type { AddressFamily, Asn, LargeCommunity } from "../settings.ts";
import {
  type AttributeDraft,
  emptyDraft,
  missingOf,
  nextAttribute,
  readAttribute,
  type UpdateContext,
} from "./attributes.ts";
import { ATTRIBUTE, ERROR, UPDATE_ERROR } from "./constants.ts";
import { type Notification, notification } from "./notification.ts";
import { type PrefixRun, prefixesOf, readPrefixes } from "./prefixes.ts";

/** What is wrong with an UPDATE and does not end the session (RFC 7606). */
export interface UpdateFaults {
  /** What was announced is to be treated as withdrawn; says why. */
  readonly treatAsWithdraw: string | null;
  /** An attribute was not looked at; says which and why. */
  readonly discarded: string | null;
}

/** What an UPDATE says, for who learns from it. */
export interface Update extends UpdateFaults {
  /** The next hop is null where the sender gave none that can be read. */
  readonly announced: readonly { readonly prefix: Prefix; readonly nextHop: Ip | null }[];
  /** Also what is treated as withdrawn. */
  readonly withdrawn: readonly Prefix[];
  readonly attributes: ReceivedAttributes;
  /** The family whose initial table is complete (RFC 4724 section 2). */
  readonly endOfRib: AddressFamily | null;
}

/** The attributes that were read; those that were discarded are as if they were not there. */
export interface ReceivedAttributes {
  /** 0: IGP, 1: EGP, 2: incomplete. */
  readonly origin: number | null;
  /** Members of all segments in order; AS4_PATH already merged in. */
  readonly asPath: readonly Asn[];
  readonly multiExitDisc: number | null;
  readonly localPref: number | null;
  readonly communities: readonly number[];
  readonly largeCommunities: readonly LargeCommunity[];
}

/**
 * Reads the body of an UPDATE. The error is the NOTIFICATION to send, and only where it cannot be
 * told which prefixes are meant; any other fault is handled as RFC 7606 says and never ends a session.
 */
export function decodeUpdate(body: Uint8Array, context: UpdateContext): Result<Update, Notification> {
  const read = readUpdate(body, context);
  if (!read.ok) return read;
  const { draft, gone, nlri, treatAsWithdraw, discarded } = read.value;
  const { reach, unreach } = draft;
  const announced = [
    ...prefixesOf(nlri).map((prefix) => ({ prefix, nextHop: draft.nextHop })),
    ...(reach ? prefixesOf(reach.prefixes).map((prefix) => ({ prefix, nextHop: reach.nextHop })) : []),
  ];
  const withdrawn = [...prefixesOf(gone), ...(unreach ? prefixesOf(unreach) : [])];
  return ok({
    announced: treatAsWithdraw === null ? announced : [],
    withdrawn: treatAsWithdraw === null ? withdrawn : [...withdrawn, ...announced.map(({ prefix }) => prefix)],
    attributes: received(draft),
    endOfRib: endOfRib(draft, gone.count + nlri.count),
    treatAsWithdraw,
    discarded,
  });
}

/** As {@link decodeUpdate}, for who keeps no routes: nothing is built of what would be dropped. */
export function checkUpdate(body: Uint8Array, context: UpdateContext): Result<UpdateFaults, Notification> {
  const read = readUpdate(body, context);
  return read.ok ? ok({ treatAsWithdraw: read.value.treatAsWithdraw, discarded: read.value.discarded }) : read;
}

interface ReadUpdate extends UpdateFaults {
  readonly draft: AttributeDraft;
  readonly gone: PrefixRun;
  readonly nlri: PrefixRun;
}

function readUpdate(body: Uint8Array, context: UpdateContext): Result<ReadUpdate, Notification> {
  const reader = new ByteReader(body);
  const withdrawn = reader.sub(reader.u16());
  const list = reader.sub(reader.u16());
  if (reader.failed || withdrawn.failed || list.failed)
    return err(notification(ERROR.update, UPDATE_ERROR.malformedAttributeList));
  const gone = readPrefixes(withdrawn, 4);
  const nlri = readPrefixes(reader, 4);
  if (!gone || !nlri) return err(notification(ERROR.update, UPDATE_ERROR.invalidNetworkField));
  const draft = emptyDraft(context);
  const faults = readAttributes(draft, list);
  if (!faults.ok) return faults;
  const treatAsWithdraw = faults.value.treatAsWithdraw ?? missing(draft, nlri.count > 0);
  return ok({ draft, gone, nlri, treatAsWithdraw, discarded: faults.value.discarded });
}

function readAttributes(draft: AttributeDraft, list: ByteReader): Result<UpdateFaults, Notification> {
  let treatAsWithdraw: string | null = null;
  let discarded: string | null = null;
  while (list.remaining > 0) {
    const attribute = nextAttribute(list);
    if (!attribute) {
      // RFC 7606 section 4: the list ends early, but where the NLRI begins is known.
      treatAsWithdraw ??= "the list of attributes is cut short";
      break;
    }
    const outcome = readAttribute(draft, attribute.flags, attribute.type, attribute.value);
    if (outcome.kind === "reset") return err(notification(ERROR.update, UPDATE_ERROR.malformedAttributeList));
    if (outcome.kind === "treat-as-withdraw") treatAsWithdraw ??= outcome.what;
    if (outcome.kind === "discard") discarded ??= outcome.what;
  }
  return ok({ treatAsWithdraw, discarded });
}

/** RFC 7606 section 3.d. */
function missing(draft: AttributeDraft, hasNlri: boolean): string | null {
  if (!hasNlri && !draft.reach) return null;
  const needed = [ATTRIBUTE.origin, ATTRIBUTE.asPath, ...(hasNlri ? [ATTRIBUTE.nextHop] : [])];
  const names = missingOf(draft, needed);
  return names.length === 0 ? null : `${names.join(" and ")} missing`;
}

function endOfRib(draft: AttributeDraft, prefixes: number): AddressFamily | null {
  if (draft.seen.size === 0) return prefixes === 0 ? "ipv4-unicast" : null;
  return draft.seen.size === 1 && draft.unreach?.count === 0 && prefixes === 0 ? draft.unreachFamily : null;
}

/** RFC 6793 section 4.2.3: the last members of AS_PATH are replaced by those of AS4_PATH. */
function received(draft: AttributeDraft): ReceivedAttributes {
  const { origin, asPath, as4Path, multiExitDisc, localPref, communities, largeCommunities } = draft;
  const merged =
    as4Path && as4Path.length <= asPath.length
      ? [...asPath.slice(0, asPath.length - as4Path.length), ...as4Path]
      : asPath;
  return { origin, asPath: merged, multiExitDisc, localPref, communities, largeCommunities };
}
