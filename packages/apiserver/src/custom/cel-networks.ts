import type { Environment } from "@marcbachmann/cel-js";
import { isCidr, isIp, isIpv4, isMapped } from "../base/addresses.ts";

/** An address: its bits, and the text that Go makes of it. */
class Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
  readonly text: string;
  constructor(family: 4 | 6, bits: bigint) {
    this.family = family;
    this.bits = bits;
    this.text = family === 4 ? octets(bits).join(".") : new URL(`http://[${groups(bits)}]`).hostname.slice(1, -1);
  }
}

class Network {
  readonly address: Address;
  readonly length: number;
  constructor(address: Address, length: number) {
    this.address = address;
    this.length = length;
  }
}

const octets = (bits: bigint): number[] => [24n, 16n, 8n, 0n].map((by) => Number((bits >> by) & 255n));
const groups = (bits: bigint): string =>
  Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(":");

/** As Kubernetes takes them: no zone, and no IPv4 address in the form of an IPv6 one. */
const isAddress = (text: string): boolean => isIp(text) && !isMapped(text);
const isNetwork = (text: string): boolean => isCidr(text) && !isMapped(text.split("/")[0] ?? "");

function addressOf(text: string): Address {
  if (!isAddress(text)) throw new Error(`IP Address "${text}" parse error during conversion from string`);
  if (isIpv4(text))
    return new Address(
      4,
      text.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n),
    );
  const [before = "", after] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::");
  const parts = (list: string): string[] => (list === "" ? [] : list.split(":"));
  const [head, tail] = [parts(before), parts(after ?? "")];
  const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => "0"), ...tail];
  return new Address(
    6,
    all.reduce((bits, part) => (bits << 16n) | BigInt(`0x${part}`), 0n),
  );
}

function networkOf(text: string): Network {
  if (!isNetwork(text)) throw new Error(`network address parse error during conversion from string: "${text}"`);
  const [address = "", length = ""] = text.split("/");
  return new Network(addressOf(address), Number(length));
}

const width = (family: 4 | 6): number => (family === 4 ? 32 : 128);
/** The leading bits. */
const prefix = ({ family, bits }: Address, length: number): bigint => bits >> BigInt(width(family) - length);

function masked({ address, length }: Network): Network {
  const { family } = address;
  return new Network(new Address(family, prefix(address, length) << BigInt(width(family) - length)), length);
}

const containsAddress = ({ address, length }: Network, other: Address): boolean =>
  address.family === other.family && prefix(address, length) === prefix(other, length);
const containsNetwork = (network: Network, other: Network): boolean =>
  network.length <= other.length && containsAddress(network, other.address);

const within = (address: Address, ...networks: readonly string[]): boolean =>
  networks.some((network) => containsAddress(networkOf(network), address));
const isUnspecified = ({ bits }: Address): boolean => bits === 0n;
const isLoopback = (address: Address): boolean => within(address, "127.0.0.0/8", "::1/128");
const isLinkLocalUnicast = (address: Address): boolean => within(address, "169.254.0.0/16", "fe80::/10");
const isGlobalUnicast = (address: Address): boolean =>
  !isUnspecified(address) &&
  !isLoopback(address) &&
  !isLinkLocalUnicast(address) &&
  !within(address, "224.0.0.0/4", "ff00::/8", "255.255.255.255/32");

/** What `ip.isCanonical` is called on. */
class Names {}

/** Kubernetes' libraries `ip` and `cidr`. */
export function addNetworks(environment: Environment): void {
  environment
    .registerType("IP", Address)
    .registerType("CIDR", Network)
    .registerType("IPNames", Names)
    .registerConstant("ip", "IPNames", new Names())
    .registerFunction("isIP(string): bool", isAddress)
    .registerFunction("isCIDR(string): bool", isNetwork)
    .registerFunction("ip(string): IP", addressOf)
    .registerFunction("cidr(string): CIDR", networkOf)
    .registerFunction("IPNames.isCanonical(string): bool", (_: Names, text: string) => addressOf(text).text === text)
    .registerFunction("string(IP): string", ({ text }: Address) => text)
    .registerFunction("IP.family(): int", ({ family }: Address) => BigInt(family))
    .registerFunction("IP.isUnspecified(): bool", isUnspecified)
    .registerFunction("IP.isLoopback(): bool", isLoopback)
    .registerFunction("IP.isLinkLocalMulticast(): bool", (address: Address) =>
      within(address, "224.0.0.0/24", "ff02::/16"),
    )
    .registerFunction("IP.isLinkLocalUnicast(): bool", isLinkLocalUnicast)
    .registerFunction("IP.isGlobalUnicast(): bool", isGlobalUnicast)
    .registerOperator("IP == IP", (a: Address, b: Address) => a.text === b.text)
    .registerFunction("string(CIDR): string", ({ address, length }: Network) => `${address.text}/${length}`)
    .registerFunction("CIDR.ip(): IP", ({ address }: Network) => address)
    .registerFunction("CIDR.masked(): CIDR", masked)
    .registerFunction("CIDR.prefixLength(): int", ({ length }: Network) => BigInt(length))
    .registerFunction("CIDR.containsIP(IP): bool", containsAddress)
    .registerFunction("CIDR.containsIP(string): bool", (network: Network, text: string) =>
      containsAddress(network, addressOf(text)),
    )
    .registerFunction("CIDR.containsCIDR(CIDR): bool", containsNetwork)
    .registerFunction("CIDR.containsCIDR(string): bool", (network: Network, text: string) =>
      containsNetwork(network, networkOf(text)),
    )
    .registerOperator(
      "CIDR == CIDR",
      (a: Network, b: Network) => a.length === b.length && a.address.text === b.address.text,
    );
}
