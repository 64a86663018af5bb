import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { err, ok, type Result } from "#net";

/** A file whose content may be renewed in place, as the kubelet and certificate managers do. */
export interface RereadFile {
  /** As of now, or as it last could be used. May be a secret. */
  readonly text: string;
  /** It is read again at the next use. */
  forget(): void;
}

/** What a file has to hold to count. */
export type FileKind = "text" | "certificates";

/** The kubelet renews a Pod's token within hours: a minute is soon enough. */
const REREAD = 60_000;

/**
 * Reads a file now, and again once a minute where it changed. A file that cannot be used is an error at
 * first, in words that name it; later, what could be used goes on counting.
 */
export function rereadFile(file: string, what: string, kind: FileKind): Result<RereadFile> {
  const first = read(file, what, kind);
  if (!first.ok) return first;
  let text = first.value;
  let stamp = stampOf(file);
  let until = performance.now() + REREAD;
  return ok({
    get text() {
      if (performance.now() < until) return text;
      until = performance.now() + REREAD;
      const now = stampOf(file);
      if (now === stamp) return text;
      const fresh = read(file, what, kind);
      if (fresh.ok) [text, stamp] = [fresh.value, now];
      return text;
    },
    forget: () => {
      until = 0;
    },
  });
}

/** What stands in the configuration itself: it never changes. */
export const fixedText = (text: string): RereadFile => ({ text, forget: () => {} });

/** Of a mounted Secret the link changes and not the file: both times are looked at through the link. */
function stampOf(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat ? `${stat.ino} ${stat.mtimeMs} ${stat.size}` : "";
}

function read(file: string, what: string, kind: FileKind): Result<string> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return err(`${what} ${file} cannot be read: ${(error as Error).message}`);
  }
  const problem = kind === "certificates" ? certificateProblem(text) : text.trim() === "" ? "it is empty" : null;
  return problem === null ? ok(text) : err(`${what} ${file}: ${problem}`);
}

/** What is wrong with a text that should hold certificates; null when nothing is. */
export function certificateProblem(text: string): string | null {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return "there is no certificate in it (PEM)";
  try {
    for (const block of blocks) new X509Certificate(block);
    return null;
  } catch (error) {
    return `a certificate in it cannot be read: ${(error as Error).message}`;
  }
}
