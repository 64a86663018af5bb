import { NOT_TOLD } from "./announcements.ts";
import type { NodeView, Picture, ServiceView } from "./view.ts";

/** Whether what is made of this kind of object is unknown, such as `pods`. */
export const isUnread = ({ unread }: Picture, kind: string): boolean => unread?.includes(kind) === true;

/** What is not as it should be, one sentence each; empty: all is well. What is merely strange is not named here. */
export function troublesOf(view: Picture): readonly string[] {
  const { controller, nodes, services, configuration, problems } = view;
  return [
    ...problems,
    ...(controller.running || isUnread(view, "pods")
      ? []
      : [`the controller does not run${because(controller.lastEnding)}`]),
    ...nodes.flatMap(nodeTroubles),
    ...configuration.map(problemText),
    ...services.flatMap(serviceTroubles),
  ];
}

export const problemText = ({ object, field, message }: Picture["configuration"][number]): string =>
  `${object}${field === "" ? "" : ` ${field}`}: ${message}`;

function nodeTroubles({ name, speaker, sessions }: NodeView): readonly string[] {
  if (!speaker.running) return [`the speaker of ${name} does not run${because(speaker.lastEnding)}`];
  return sessions
    .filter(({ established }) => !established)
    .map((session) => `${name}: the session with ${session.peer} is not established${because(session.reason)}`);
}

/** Empty: all is well with it, as far as anybody tells. */
export function serviceTroubles({
  key,
  addresses,
  pending,
  foreign,
  announcedFrom,
  refusals,
}: ServiceView): readonly string[] {
  if (foreign !== "") return [];
  if (addresses.length === 0) return [`${key} has no address${because(pending)}`];
  if (pending !== "") return [`${key} has only ${addresses.join(", ")}${because(pending)}`];
  if (announcedFrom.length > 0) return [];
  // Where not one node tells, that is the trouble, and it is told once.
  const isUntold = refusals.length > 0 && refusals.every(({ reason }) => reason === NOT_TOLD);
  return isUntold ? [] : [`${key} is announced from no node`];
}

const because = (reason: string): string => (reason === "" ? "" : `: ${reason}`);
