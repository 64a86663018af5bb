/** An RFC 1123 subdomain, as metadata.name must be. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Names of objects of one kind: valid, and none given twice. */
export class Names {
  private readonly given = new Set<string>();
  private readonly keeps: boolean;

  /** `keeps`: none is changed. */
  constructor(keeps = false) {
    this.keeps = keeps;
  }

  /** The wanted name where it is one, else the nearest that is; null when it was given already. */
  take(wanted: string): string | null {
    const name = this.keeps || (NAME.test(wanted) && wanted.length <= 253) ? wanted : nearest(wanted);
    if (this.given.has(name)) return null;
    this.given.add(name);
    return name;
  }
}

/** Label by label, since one of hyphens alone leaves nothing, not even its dot. */
const nearest = (wanted: string): string =>
  wanted
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-")
    .split(".")
    .map((label) => label.replace(/^-+|-+$/g, ""))
    .filter((label) => label !== "")
    .join(".")
    .slice(0, 200)
    .replace(/[-.]+$/, "") || "unnamed";
