import { formatIp } from "#net";
import type { RecordedEvent } from "./event-ring.ts";
import type { BgpEffect, BgpEvent } from "./events.ts";
import { MESSAGE } from "./packet/constants.ts";
import { type Frame, Framer } from "./packet/framer.ts";
import { decodeNotification } from "./packet/notification.ts";
import { describeNotification } from "./packet/notification-text.ts";
import { decodeOpen } from "./packet/open.ts";
import { decodeUpdate } from "./packet/update.ts";

/** One event and what it led to, a line each, as people read it. */
export function storyOf({ event, at }: RecordedEvent, effects: readonly BgpEffect[], start: number): readonly string[] {
  const seconds = ((at - start) / 1_000).toFixed(3);
  return [`+${seconds} s  ${eventText(event)}`, ...effects.flatMap(effectTexts).map((text) => `    ${text}`)];
}

function eventText(event: BgpEvent): string {
  switch (event.kind) {
    case "peer-set": {
      const { name, endpoint, port } = event.settings;
      return `peer ${name} at ${endpoint.kind === "interface" ? endpoint.interface : formatIp(endpoint.address)}:${port}`;
    }
    case "peer-removed":
    case "peer-up":
      return `${event.kind} ${event.peer}`;
    case "peer-down":
      return `peer-down ${event.peer} (${event.cause})`;
    case "routes": {
      const { table, announce, withdraw } = event.change;
      return `routes of table ${table}: +${announce.length} −${withdraw.length}`;
    }
    case "connected":
    case "accepted":
      return `connection ${event.connection} ${event.kind}: ${formatIp(event.local)} to ${formatIp(event.remote)}`;
    case "received":
      return `connection ${event.connection} received ${messages([event.bytes]).join(", ") || "a part of a message"}`;
    case "connect-failed":
    case "closed":
      return `connection ${event.connection} ${event.kind}: ${event.reason}`;
    case "guarded":
    case "unguarded":
    case "drained":
    case "link":
      return `connection ${event.connection} ${event.kind}`;
    case "time":
      return "time";
    case "drain":
      return `drain ${event.on ? "on" : "off"}`;
    case "shutdown":
      return `shutdown: ${event.text}`;
  }
}

function effectTexts(effect: BgpEffect): readonly string[] {
  switch (effect.kind) {
    case "connect":
      return [`open connection ${effect.connection} to ${effect.settings.name}`];
    case "send":
      return messages(effect.chunks).map((text) => `send on ${effect.connection}: ${text}`);
    case "close":
      return [`close connection ${effect.connection}`];
    case "session": {
      const { peer, state, reason } = effect.report;
      return [`session ${peer} is ${state}${reason === "" ? "" : `: ${reason}`}`];
    }
    case "log":
      return [`log ${effect.level}: ${effect.message}`];
    case "wake":
      return [];
  }
}

function messages(chunks: readonly Uint8Array[]): readonly string[] {
  const framer = new Framer();
  framer.extended = true;
  return chunks.flatMap((chunk) =>
    [...framer.push(chunk)].map((frame) => (frame.ok ? messageText(frame.value) : "what is no message")),
  );
}

function messageText({ type, body }: Frame): string {
  switch (type) {
    case MESSAGE.open: {
      const open = decodeOpen(body);
      if (!open.ok) return "OPEN that cannot be read";
      const { as, capabilities, holdTime, identifier } = open.value;
      return `OPEN of AS ${capabilities.fourOctetAs ?? as}, hold time ${holdTime} s, identifier ${formatIp(identifier)}`;
    }
    case MESSAGE.update: {
      const update = decodeUpdate(body, { fourOctetAs: true, internal: true });
      if (!update.ok) return "UPDATE that cannot be read";
      const { announced, withdrawn, endOfRib } = update.value;
      return endOfRib ? `End-of-RIB ${endOfRib}` : `UPDATE +${announced.length} −${withdrawn.length}`;
    }
    case MESSAGE.notification:
      return `NOTIFICATION ${describeNotification(decodeNotification(body))}`;
    case MESSAGE.keepalive:
      return "KEEPALIVE";
    case MESSAGE.routeRefresh:
      return "ROUTE-REFRESH";
    default:
      return `message of type ${type}`;
  }
}
