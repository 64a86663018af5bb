import { BlockList, isIPv4, isIPv6 } from "node:net";

/** Addresses as Kubernetes reads them: four decimal parts without leading zeros, or IPv6 without a zone. */

export const isIpv4 = (text: string): boolean => isIPv4(text);

export const isIpv6 = (text: string): boolean => isIPv6(text) && !text.includes("%");

export const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text);

/** An IPv4 address in the form of an IPv6 one, in any spelling. */
export const isMapped = (text: string): boolean => isIpv6(text) && cidrContains("::ffff:0:0/96", text);

/** `address/length`, with or without host bits. */
export function isCidr(text: string): boolean {
  const [address = "", length = "", ...rest] = text.split("/");
  if (rest.length > 0 || !isIp(address) || !/^(0|[1-9]\d{0,2})$/.test(length)) return false;
  return Number(length) <= (isIpv4(address) ? 32 : 128);
}

/** Whether the CIDR holds the address. */
export function cidrContains(cidr: string, address: string): boolean {
  if (!isCidr(cidr) || !isIp(address)) return false;
  const [network = "", length = ""] = cidr.split("/");
  const family = (text: string) => (isIpv4(text) ? "ipv4" : "ipv6");
  if (family(network) !== family(address)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(length), family(network));
  return list.check(address, family(address));
}
