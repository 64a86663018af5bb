import type { AddressFamily } from "../settings.ts";
import { AFI, SAFI_UNICAST } from "./constants.ts";

const AFI_OF: Readonly<Record<AddressFamily, number>> = { "ipv4-unicast": AFI.ipv4, "ipv6-unicast": AFI.ipv6 };

export const afiOf = (family: AddressFamily): number => AFI_OF[family];

/** The family of an AFI/SAFI pair (RFC 4760); null for one that is not ours. */
export const familyOf = (afi: number, safi: number): AddressFamily | null =>
  safi !== SAFI_UNICAST ? null : afi === AFI.ipv4 ? "ipv4-unicast" : afi === AFI.ipv6 ? "ipv6-unicast" : null;
