import type { Part } from "../../support/probes.ts";
import type { Program } from "../../support/programs.ts";
import { type MatrixBench, ROUTER, ROUTER_AS, SPEAKER, SPEAKER_AS } from "./bench.ts";

/** What a router is asked for. */
export interface Wish {
  /** The session runs over this. */
  readonly over: "four" | "six" | "unnumbered";
  readonly internal?: boolean;
  readonly families?: readonly ("ipv4" | "ipv6")[];
  readonly speakerAs?: number;
  readonly password?: string;
  readonly ttlSecurity?: boolean;
  /** The router opens the connection. */
  readonly dials?: boolean;
  /** Milliseconds. */
  readonly bfd?: number;
  readonly bfdMultihop?: boolean;
  /** How its packets are authenticated (RFC 5880 section 6.7), in BIRD's words, with the key `secret`. */
  readonly bfdAuthentication?: "simple" | "keyed md5" | "meticulous keyed md5" | "keyed sha1" | "meticulous keyed sha1";
  /** Milliseconds between echo packets. */
  readonly bfdEcho?: number;
  readonly graceful?: boolean;
  /** Messages of up to 65,535 octets (RFC 8654). */
  readonly extended?: boolean;
  /** ROUTE-REFRESH (RFC 2918). */
  readonly refresh?: boolean;
  /** An administrative shutdown with a text (RFC 9003). */
  readonly shutdownText?: boolean;
}

export interface RunningRouter {
  /** What it knows of a prefix, in its own words; empty: nothing. */
  route(prefix: string): Promise<string>;
  stop(): Promise<unknown>;
  readonly programs: readonly Program[];
  ask?(question: string): Promise<string>;
  /** Asks the speaker for its routes again. */
  refresh?(): Promise<unknown>;
  /** Ends the session on purpose, with these words. */
  shutdown?(text: string): Promise<unknown>;
}

export interface Make {
  readonly name: string;
  readonly part: Part;
  /** Why it cannot do what is asked for; null: it can. */
  cannot(wish: Wish): string | null;
  start(bench: MatrixBench, wish: Wish): Promise<RunningRouter>;
  /** How it writes attributes, to be found in what it says of a route. */
  readonly words: Readonly<
    Record<
      "asPath" | "community" | "largeCommunity" | "localPref" | "med" | "bandwidth" | "gracefulShutdown",
      (value: string) => RegExp
    >
  >;
}

export const routerAs = (wish: Wish): number => (wish.internal ? (wish.speakerAs ?? SPEAKER_AS) : ROUTER_AS);
export const speakerAs = (wish: Wish): number => wish.speakerAs ?? SPEAKER_AS;
export const families = (wish: Wish): readonly ("ipv4" | "ipv6")[] =>
  wish.families ?? (wish.over === "unnumbered" ? ["ipv4", "ipv6"] : [wish.over === "four" ? "ipv4" : "ipv6"]);
export const speakerAt = (wish: Wish): string => (wish.over === "six" ? SPEAKER.six : SPEAKER.four);
export const routerAt = (wish: Wish): string => (wish.over === "six" ? ROUTER.six : ROUTER.four);
