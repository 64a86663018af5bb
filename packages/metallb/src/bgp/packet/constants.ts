// Registries of BGP-4: https://www.iana.org/assignments/bgp-parameters

/** RFC 4271 section 4.1; ROUTE-REFRESH: RFC 2918. */
export const MESSAGE = { open: 1, update: 2, notification: 3, keepalive: 4, routeRefresh: 5 } as const;

export const HEADER_LENGTH = 19;
/** RFC 4271 section 4.1. */
export const MAX_LENGTH = 4096;
/** RFC 8654 section 4, once both sides offered it; OPEN and KEEPALIVE stay within MAX_LENGTH. */
export const MAX_EXTENDED_LENGTH = 65535;

/** RFC 6793 section 4.2.2: stands for an AS number that does not fit two octets. */
export const AS_TRANS = 23456;

export const AFI = { ipv4: 1, ipv6: 2 } as const;
export const SAFI_UNICAST = 1;

/** Types of optional parameters in an OPEN: RFC 5492; 255: RFC 9072. */
export const PARAMETER = { capabilities: 2, extendedLength: 255 } as const;

/** RFC 5492 capability codes. */
export const CAPABILITY = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  extendedMessage: 6,
  gracefulRestart: 64,
  fourOctetAs: 65,
  enhancedRouteRefresh: 70,
} as const;

/** Path attribute type codes. */
export const ATTRIBUTE = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  multiExitDisc: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  largeCommunities: 32,
} as const;

/** Path attribute flags, RFC 4271 section 4.3. */
export const FLAG = { optional: 0x80, transitive: 0x40, partial: 0x20, extended: 0x10 } as const;

/** NOTIFICATION error codes, RFC 4271 section 4.5; route refresh: RFC 7313. */
export const ERROR = {
  header: 1,
  open: 2,
  update: 3,
  holdTimer: 4,
  fsm: 5,
  cease: 6,
  routeRefresh: 7,
} as const;

export const HEADER_ERROR = { notSynchronized: 1, badLength: 2, badType: 3 } as const;

export const OPEN_ERROR = {
  unsupportedVersion: 1,
  badPeerAs: 2,
  badIdentifier: 3,
  unsupportedParameter: 4,
  unacceptableHoldTime: 6,
} as const;

export const UPDATE_ERROR = { malformedAttributeList: 1, optionalAttribute: 9, invalidNetworkField: 10 } as const;

/** RFC 7313 section 5. */
export const ROUTE_REFRESH_ERROR = { invalidLength: 1 } as const;

/** RFC 6608. */
export const FSM_ERROR = { inOpenSent: 1, inOpenConfirm: 2, inEstablished: 3 } as const;

/** RFC 4486; hard reset: RFC 8538; BFD down: RFC 9384. */
export const CEASE = {
  maximumPrefixes: 1,
  administrativeShutdown: 2,
  peerDeconfigured: 3,
  administrativeReset: 4,
  connectionRejected: 5,
  otherConfigurationChange: 6,
  connectionCollision: 7,
  outOfResources: 8,
  hardReset: 9,
  bfdDown: 10,
} as const;
