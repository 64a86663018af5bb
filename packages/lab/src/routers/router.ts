import type { Place } from "#network";

/** What a router is told, the same for every make. */
export interface RouterDescription {
  /** Its own AS number. */
  readonly asn: number;
  /** BGP Identifier, an IPv4 address. */
  readonly routerId: string;
  /** TCP port to listen on; below 1024 needs root. */
  readonly port: number;
  /** Addresses to listen on; the first is the router's own. */
  readonly listen: readonly string[];
  readonly neighbours: readonly Neighbour[];
  /** Whether it puts what it learns into the kernel's table (with ECMP); needs a network namespace and root. */
  readonly installRoutes: boolean;
}

/** A speaker that the router waits for. */
export interface Neighbour {
  /** Letters, digits and hyphens: the node's name. */
  readonly name: string;
  /** The address that it connects from. */
  readonly address: string;
  readonly asn: number;
  /** Proposed hold time in seconds, 3 to 65535. */
  readonly holdTime: number;
  readonly families: readonly ("ipv4-unicast" | "ipv6-unicast")[];
  /** TCP MD5 key; null: none. */
  readonly password: string | null;
}

export const ROUTER_KINDS = ["bird", "frr", "gobgp", "builtin"] as const;
export type RouterKind = (typeof ROUTER_KINDS)[number];

/** One usable way that the router knows. */
export interface RouterPath {
  /** The neighbour's name. */
  readonly from: string;
  readonly nextHop: string;
  readonly asPath: readonly number[];
  readonly localPref: number | null;
  readonly med: number | null;
  /** Such as `65000:100`. */
  readonly communities: readonly string[];
  /** Such as `65000:1:2`. */
  readonly largeCommunities: readonly string[];
}

export interface RouterRoute {
  /** CIDR text. */
  readonly prefix: string;
  readonly paths: readonly RouterPath[];
}

export interface RouterSession {
  /** The neighbour's name. */
  readonly name: string;
  readonly address: string;
  readonly established: boolean;
  /** The router's own word for the state. */
  readonly state: string;
}

/** A running router. What it says is read from the program itself, each time. */
export interface Router {
  readonly kind: RouterKind;
  /** Such as `BIRD 2.0.12`. */
  readonly title: string;
  /** Process ids, for status and failures by hand; empty for the built-in one. */
  readonly pids: readonly number[];
  routes(): Promise<readonly RouterRoute[]>;
  sessions(): Promise<readonly RouterSession[]>;
  /** The router's own configuration text, for people; empty for the built-in one. */
  readonly configuration: string;
  /** Ends its programs and removes its folder. Safe to call twice. */
  close(): Promise<void>;
}

/** Starts in `place`, keeping its files in `folder` (made here, removed by `close`). */
export type StartRouter = (place: Place, description: RouterDescription, folder: string) => Promise<Router>;

/** This make of router cannot be had here; the message says what to do about it. */
export class RouterUnavailable extends Error {
  override readonly name = "RouterUnavailable";
}
