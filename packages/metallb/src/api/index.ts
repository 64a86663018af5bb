import { bgpAdvertisementSpec, l2AdvertisementSpec } from "./advertisements.ts";
import { bfdProfileSpec, communitySpec } from "./bfd-and-communities.ts";
import { storedBgpPeerSpec } from "./peer.ts";
import { ipAddressPoolSpec } from "./pool.ts";
import { decodeResource, decodeStatus } from "./resource.ts";
import { configurationState, serviceBgpStatus, serviceL2Status } from "./status-kinds.ts";

export {
  ALLOCATED_FROM_POOL,
  ANNOTATIONS,
  ATTRIBUTE_ANNOTATIONS,
  allocatedFrom,
  annotation,
  DRAIN,
  deprecatedAnnotations,
  L2_NODE,
} from "./annotations.ts";
export type * from "./core.ts";
export { crdOf, DEFINITIONS, GROUP, groupOf } from "./crd.ts";
export { decodeEndpointSlice, decodeNamespace, decodeNode, decodeSecret, decodeService } from "./decode-core.ts";
export { EVENT_REASONS, type EventReason } from "./event-reasons.ts";
export { convertBGPPeer, type PeerVersion } from "./peer-conversion.ts";
export type { FieldProblem, ResourceMeta } from "./resource.ts";
export type { LabelSelector } from "./selector.ts";

type Decoded<F extends (object: unknown) => unknown> =
  Extract<ReturnType<F>, { ok: true }> extends { readonly value: infer V } ? V : never;

export const decodeIPAddressPool = (object: unknown) => decodeResource(ipAddressPoolSpec, object, { addresses: [] });
export const decodeBGPAdvertisement = (object: unknown) => decodeResource(bgpAdvertisementSpec, object, {});
export const decodeL2Advertisement = (object: unknown) => decodeResource(l2AdvertisementSpec, object, {});
/** Without one of its parts a peer is another peer: it is read whole or not at all. */
export const decodeBGPPeer = (object: unknown) => decodeResource(storedBgpPeerSpec, object);
export const decodeBFDProfile = (object: unknown) => decodeResource(bfdProfileSpec, object, {});
export const decodeCommunity = (object: unknown) => decodeResource(communitySpec, object, {});
export const decodeServiceL2Status = (object: unknown) => decodeStatus(serviceL2Status, object);
export const decodeServiceBGPStatus = (object: unknown) => decodeStatus(serviceBgpStatus, object);
export const decodeConfigurationState = (object: unknown) => decodeStatus(configurationState, object);

export type IPAddressPool = Decoded<typeof decodeIPAddressPool>;
export type BGPAdvertisement = Decoded<typeof decodeBGPAdvertisement>;
export type L2Advertisement = Decoded<typeof decodeL2Advertisement>;
export type BGPPeer = Decoded<typeof decodeBGPPeer>;
export type BFDProfile = Decoded<typeof decodeBFDProfile>;
export type Community = Decoded<typeof decodeCommunity>;
export type ServiceL2Status = Decoded<typeof decodeServiceL2Status>;
export type ServiceBGPStatus = Decoded<typeof decodeServiceBGPStatus>;
export type ConfigurationState = Decoded<typeof decodeConfigurationState>;
