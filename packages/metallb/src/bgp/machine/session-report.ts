import type { LocalEnd, Negotiated } from "../agreement.ts";
import type { BgpEffect, Instant, PeerCounters, SessionReport, SessionState } from "../events.ts";
import type { AdjRibOut } from "../rib/adj-rib-out.ts";
import type { AddressFamily, PeerSettings } from "../settings.ts";
import type { Attempts } from "./attempts.ts";
import type { Connection, MessageCounts } from "./connection.ts";

/** What a report says of a session that stands. */
export interface Standing {
  readonly connection: Pick<Connection, "holdEndsAt">;
  readonly local: LocalEnd;
  readonly negotiated: Negotiated;
}

const NAME = { "ipv4-unicast": "IPv4", "ipv6-unicast": "IPv6" } as const satisfies Record<AddressFamily, string>;

/** What a session that stands cannot do, in sentences; none: it does all that was configured. */
function shortcomings(
  wanted: readonly AddressFamily[],
  agreed: readonly AddressFamily[],
  announced: readonly AddressFamily[],
): readonly string[] {
  const lacking = wanted.filter((family) => !agreed.includes(family)).map((family) => NAME[family]);
  const without = agreed.filter((family) => !announced.includes(family)).map((family) => NAME[family]);
  return [
    ...(lacking.length === wanted.length
      ? [
          `the peer shares no address family with us: it did not offer ${lacking.join(" or ")} unicast, so no route is sent`,
        ]
      : lacking.map((name) => `the peer did not offer ${name} unicast: no ${name} route is sent`)),
    ...without.map((name) => `no ${name} route is sent: this end of the session has no next hop for ${name}`),
  ];
}

/** Tells of each change of state, once, in the log and as a report. */
export class Telling {
  reason = "";
  since: Instant;
  private told: SessionReport;
  private readonly session: Reported;
  private readonly ports: { emit(effect: BgpEffect): void };

  constructor(session: Reported, ports: { emit(effect: BgpEffect): void }, now: Instant) {
    this.session = session;
    this.ports = ports;
    this.since = now;
    this.told = this.report();
  }

  /** `always`: the reason is news, though the state is not. */
  tell(now: Instant, always = false): void {
    const { told } = this;
    const moved = this.session.state !== told.state;
    if (!moved && !always) return;
    if (moved) this.since = now;
    const report = this.report();
    const wasUp = told.state === "Established";
    if (report.state === "Established") {
      if (!wasUp) this.log("info", "session established");
      else if (report.ttlSecurity && !told.ttlSecurity)
        this.log("info", "the peer sends TTL 255: from now on nothing less is taken (RFC 5082)");
      for (const sentence of report.shortcomings) if (!told.shortcomings.includes(sentence)) this.log("warn", sentence);
      for (const sentence of told.shortcomings)
        if (!report.shortcomings.includes(sentence)) this.log("info", `no longer: ${sentence}`);
    } else if (wasUp) this.log("warn", `session fell: ${this.reason}`);
    else if (always && this.reason !== "") this.log("info", `session not up: ${this.reason}`);
    this.told = report;
    this.ports.emit({ kind: "session", report });
  }

  report(): SessionReport {
    const { settings, state, standing, adjRibOut, attempts } = this.session;
    const agreed = standing?.negotiated.families ?? [];
    return {
      peer: settings.name,
      state,
      reason: this.reason,
      since: this.since,
      localAddress: standing?.local.address ?? null,
      ttlSecurity: standing?.local.guarded ?? false,
      peerAs: standing?.negotiated.peerAs ?? null,
      negotiatedHoldTime: standing?.negotiated.holdTime ?? null,
      families: agreed,
      shortcomings: standing ? shortcomings(settings.families, agreed, adjRibOut.families) : [],
      announcedPrefixes: adjRibOut.announced,
      next: standing ? null : attempts.plan,
      failures: attempts.failures,
    };
  }

  counters(): PeerCounters {
    const { settings, standing, adjRibOut, count } = this.session;
    const { updatesSent, bytesSent, announced, waiting, standing: prefixes } = adjRibOut;
    return {
      peer: settings.name,
      ...count,
      updatesSent,
      bytesSent,
      announcedPrefixes: announced,
      pendingPrefixes: standing ? waiting : prefixes,
      holdEndsAt: standing?.connection.holdEndsAt ?? null,
    };
  }

  log(level: "info" | "warn", message: string): void {
    this.ports.emit({ kind: "log", level, peer: this.session.settings.name, message });
  }
}

/** What is told of a session. */
export interface Reported {
  readonly settings: PeerSettings;
  readonly state: SessionState;
  /** Null: not Established. */
  readonly standing: Standing | null;
  readonly adjRibOut: AdjRibOut;
  readonly attempts: Pick<Attempts, "plan" | "failures">;
  readonly count: MessageCounts;
}
