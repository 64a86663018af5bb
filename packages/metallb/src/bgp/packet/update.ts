import { ByteReader, err, type Ip, ok, type Prefix, type Result } from "#net";
import type { AddressFamily, Asn, LargeCommunity } from "../settings.ts";
import {
  type AttributeDraft,
  attributeOctets,
  emptyDraft,
  missingOf,
  nextAttribute,
  readAttribute,
} from "./attributes.ts";
import { ATTRIBUTE, ERROR, UPDATE_ERROR } from "./constants.ts";
import { type Notification, notification } from "./notification.ts";
import { readPrefixes } from "./prefixes.ts";

/** What an UPDATE says, for who learns from it. */
export interface Update {
  /** The next hop is null where the sender gave none that can be read. */
  readonly announced: readonly { readonly prefix: Prefix; readonly nextHop: Ip | null }[];
  /** Also what is treated as withdrawn. */
  readonly withdrawn: readonly Prefix[];
  readonly attributes: ReceivedAttributes;
  /** The family whose initial table is complete (RFC 4724 section 2). */
  readonly endOfRib: AddressFamily | null;
  /** RFC 7606: what was announced is to be treated as withdrawn; says what was wrong. */
  readonly treatAsWithdraw: string | null;
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
export function decodeUpdate(
  body: Uint8Array,
  context: { readonly fourOctetAs: boolean },
): Result<Update, Notification> {
  const reader = new ByteReader(body);
  const gone = reader.sub(reader.u16());
  const list = reader.sub(reader.u16());
  if (reader.failed || gone.failed || list.failed)
    return err(notification(ERROR.update, UPDATE_ERROR.malformedAttributeList));
  const withdrawn = readPrefixes(gone, 4);
  const nlri = readPrefixes(reader, 4);
  if (!withdrawn || !nlri) return err(notification(ERROR.update, UPDATE_ERROR.invalidNetworkField));
  const draft = emptyDraft(context.fourOctetAs);
  const attributes = readAttributes(draft, list);
  if (!attributes.ok) return attributes;
  const announced = [...nlri.map((prefix) => ({ prefix, nextHop: draft.nextHop })), ...draft.reach];
  const wrong = attributes.value ?? missing(draft, nlri.length > 0);
  return ok({
    announced: wrong === null ? announced : [],
    withdrawn: [...withdrawn, ...draft.unreach, ...(wrong === null ? [] : announced.map(({ prefix }) => prefix))],
    attributes: received(draft),
    endOfRib: endOfRib(draft, withdrawn.length + nlri.length),
    treatAsWithdraw: wrong,
  });
}

/** Null: all is well; a text: why the routes are to be treated as withdrawn. */
function readAttributes(draft: AttributeDraft, list: ByteReader): Result<string | null, Notification> {
  let wrong: string | null = null;
  while (list.remaining > 0) {
    const from = list.offset;
    const attribute = nextAttribute(list);
    // RFC 7606 section 4: the list ends early, but where the NLRI begins is known.
    if (!attribute) return ok(wrong ?? "the list of attributes is cut short");
    const outcome = readAttribute(draft, attribute.flags, attribute.type, attribute.value);
    if (outcome.kind === "reset") {
      const subcode = outcome.again ? UPDATE_ERROR.malformedAttributeList : UPDATE_ERROR.optionalAttribute;
      const data = outcome.again ? undefined : attributeOctets(list, from);
      return err(notification(ERROR.update, subcode, data));
    }
    if (outcome.kind === "treat-as-withdraw") wrong ??= outcome.what;
  }
  return ok(wrong);
}

/** RFC 7606 section 3.d. */
function missing(draft: AttributeDraft, hasNlri: boolean): string | null {
  if (!hasNlri && draft.reach.length === 0) return null;
  const needed = [ATTRIBUTE.origin, ATTRIBUTE.asPath, ...(hasNlri ? [ATTRIBUTE.nextHop] : [])];
  const names = missingOf(draft, needed);
  return names.length === 0 ? null : `${names.join(" and ")} missing`;
}

function endOfRib(draft: AttributeDraft, prefixes: number): AddressFamily | null {
  if (draft.seen.size === 0) return prefixes === 0 ? "ipv4-unicast" : null;
  return draft.seen.size === 1 && draft.unreach.length === 0 && prefixes === 0 ? draft.unreachFamily : null;
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
