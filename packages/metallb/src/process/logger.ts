import pino from "pino";
import { stdoutSink } from "./sink.ts";

export type LogLevel = "all" | "debug" | "info" | "warn" | "error" | "none";

export type LogFields = Readonly<Record<string, unknown>>;

/** One JSON object a line: caller, level, ts (RFC 3339), the fields, msg. Never give it a secret. */
export interface Logger {
  debug(msg: string, fields?: LogFields): void;
  info(msg: string, fields?: LogFields): void;
  warn(msg: string, fields?: LogFields): void;
  error(msg: string, fields?: LogFields): void;
  /** A logger whose lines all have these fields. */
  with(fields: LogFields): Logger;
}

const PINO_LEVELS = {
  all: "trace",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  none: "silent",
} as const;

/** Lines go to `write`, or to standard output; they are written at once, so that none is lost at an exit. */
export function createLogger(level: LogLevel, write?: (line: string) => void): Logger {
  const options: pino.LoggerOptions = {
    level: PINO_LEVELS[level],
    base: null,
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
  };
  return wrap(pino(options, { write: write ?? stdoutSink() }));
}

/** What comes from outside may be as long as an object of the API; a line is for people. */
const MAX_TEXT = 4096;
const clip = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
const clipped = (fields: LogFields = {}): LogFields => {
  for (const value of Object.values(fields))
    if (typeof value === "string" && value.length > MAX_TEXT)
      return Object.fromEntries(
        Object.entries(fields).map(([name, each]) => [name, typeof each === "string" ? clip(each) : each]),
      );
  return fields;
};

const wrap = (sink: pino.Logger): Logger => {
  const at = (level: "debug" | "info" | "warn" | "error") => (msg: string, fields?: LogFields) => {
    if (sink.isLevelEnabled(level)) sink[level]({ caller: caller(), ...clipped(fields) }, clip(msg));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => wrap(sink.child(fields)),
  };
};

/** `file.ts:12` of whoever called the logger: the frame above the three of this file. */
function caller(): string {
  const frame = new Error().stack?.split("\n")[3] ?? "";
  return /([^/\\(]+:\d+):\d+\)?$/.exec(frame)?.[1] ?? "unknown";
}

/** The text of whatever was thrown, with the chain of causes. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${errorText(error.cause)}`;
}
