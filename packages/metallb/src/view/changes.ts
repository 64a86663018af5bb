import { isUnread } from "./health.ts";
import type { NodeView, Picture, ServiceView } from "./view.ts";

/** What differs between two looks, one sentence each, for a timeline; at most so many. */
export function changesBetween(before: Picture, after: Picture, most = 50): readonly string[] {
  // What cannot be read is not gone, and what can be read again is not new.
  const isKnown = (kind: string) => !isUnread(before, kind) && !isUnread(after, kind);
  return [
    ...(isKnown("pods")
      ? [
          ...processChange("the controller", before.controller, after.controller),
          ...pairs(before.nodes, after.nodes, ({ name }) => name).flatMap(([was, is]) => nodeChanges(was, is)),
        ]
      : []),
    ...(isKnown("services")
      ? pairs(before.services, after.services, ({ key }) => key).flatMap(([was, is]) => serviceChanges(was, is))
      : []),
    ...textChanges(before, after),
  ].slice(0, most);
}

function pairs<T>(before: readonly T[], after: readonly T[], keyOf: (each: T) => string) {
  const was = new Map(before.map((each) => [keyOf(each), each]));
  const is = new Map(after.map((each) => [keyOf(each), each]));
  return [...new Set([...was.keys(), ...is.keys()])].map((key) => [was.get(key), is.get(key)] as const);
}

function processChange(who: string, was: Picture["controller"], is: Picture["controller"]): readonly string[] {
  if (was.running !== is.running) return [is.running ? `${who} runs` : `${who} does not run${because(is.lastEnding)}`];
  return was.restarts === is.restarts ? [] : [`${who} was started again${because(is.lastEnding)}`];
}

function nodeChanges(was: NodeView | undefined, is: NodeView | undefined): readonly string[] {
  if (was === undefined || is === undefined) {
    const name = was?.name ?? is?.name ?? "";
    return [is === undefined ? `the speaker of ${name} is gone` : `${name} has a speaker`];
  }
  const cable = was.cut === is.cut ? [] : [`the cable of ${is.name} is ${is.cut ? "cut" : "whole again"}`];
  const speaker = processChange(
    `the speaker of ${is.name}`,
    { ...was.speaker, leading: null },
    { ...is.speaker, leading: null },
  );
  const sessions = pairs(was.sessions, is.sessions, ({ peer }) => peer).flatMap(([old, now]) => {
    if (old?.established === now?.established) return [];
    const peer = old?.peer ?? now?.peer ?? "";
    if (now === undefined) return [`${is.name}: the session with ${peer} is gone`];
    return [
      `${is.name}: the session with ${peer} is ${now.established ? "established" : `down${because(now.reason)}`}`,
    ];
  });
  return [...cable, ...speaker, ...sessions];
}

function serviceChanges(was: ServiceView | undefined, is: ServiceView | undefined): readonly string[] {
  if (is === undefined) return [`${was?.key} is gone`];
  if (was === undefined) return [`${is.key} is there`];
  const addresses = is.addresses.join(", ");
  const address =
    was.addresses.join(", ") === addresses
      ? []
      : [addresses === "" ? `${is.key} lost its address${because(is.pending)}` : `${is.key} has ${addresses}`];
  const gained = is.announcedFrom.filter((node) => !was.announcedFrom.includes(node));
  const lost = was.announcedFrom.filter((node) => !is.announcedFrom.includes(node));
  return [
    ...address,
    ...(gained.length === 0 ? [] : [`${is.key} is announced from ${gained.join(", ")}`]),
    ...(lost.length === 0 ? [] : [`${is.key} is no longer announced from ${lost.join(", ")}`]),
  ];
}

function textChanges(before: Picture, after: Picture): readonly string[] {
  const textsOf = ({ problems, configuration }: Picture) =>
    new Set([...problems, ...configuration.map(({ object, message }) => `${object}: ${message}`)]);
  const [was, is] = [textsOf(before), textsOf(after)];
  return [
    ...[...is].filter((text) => !was.has(text)),
    ...[...was].filter((text) => !is.has(text)).map((text) => `no longer: ${text}`),
  ];
}

const because = (reason: string): string => (reason === "" ? "" : `: ${reason}`);
