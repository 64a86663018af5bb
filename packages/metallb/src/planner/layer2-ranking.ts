/** A node and how much it is preferred. */
export type Scored = readonly [node: string, score: number];

/** SHA-256 of a text in UTF-8: 32 octets. */
export type Sha256 = (text: string) => Uint8Array;

/** The first by score, most first, then by the SHA-256 of `node#address`, least first (contract 6.5). */
export function best(scores: readonly Scored[], address: string, sha256: Sha256): string | null {
  const most = scores.reduce((least, [, score]) => Math.max(least, score), 0);
  const equals = scores.filter(([, score]) => score === most).map(([node]) => node);
  if (equals.length <= 1) return equals[0] ?? null;
  const hashed = equals.map((node) => ({ node, hash: sha256(`${node}#${address}`) }));
  return hashed.reduce((a, b) => (compareOctets(b.hash, a.hash) < 0 ? b : a)).node;
}

/** All, in that order. */
export const ranked = (scores: readonly Scored[], address: string, sha256: Sha256): readonly string[] =>
  scores
    .map(([node, score]) => ({ node, score, hash: sha256(`${node}#${address}`) }))
    .sort((a, b) => b.score - a.score || compareOctets(a.hash, b.hash))
    .map(({ node }) => node);

function compareOctets(a: Uint8Array, b: Uint8Array): number {
  for (const [i, octet] of a.entries()) if (octet !== b[i]) return octet - (b[i] ?? 0);
  return 0;
}
