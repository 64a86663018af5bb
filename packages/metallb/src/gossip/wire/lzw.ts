// Lempel-Ziv-Welch as Go's compress/lzw does it with the least significant bit first and 8 bits a literal.

const CLEAR = 256;
const END = 257;
const FIRST = 258;
const MAX_WIDTH = 12;
const MAX_CODE = (1 << MAX_WIDTH) - 1;

/** Null: broken, or longer than `limit` octets when it is opened. */
export function decompress(packed: Uint8Array, limit: number): Uint8Array | null {
  const prefixes = new Uint16Array(MAX_CODE + 1);
  const suffixes = new Uint8Array(MAX_CODE + 1);
  const stack = new Uint8Array(MAX_CODE + 1);
  const out: number[] = [];
  let width = 9;
  let top = FIRST - 1;
  let last = -1;
  let bits = 0;
  let count = 0;
  let at = 0;
  for (;;) {
    while (count < width) {
      if (at >= packed.length) return null;
      bits |= (packed[at] as number) << count;
      at += 1;
      count += 8;
    }
    const code = bits & ((1 << width) - 1);
    bits >>>= width;
    count -= width;
    if (code === CLEAR) {
      width = 9;
      top = FIRST - 1;
      last = -1;
      continue;
    }
    if (code === END) return Uint8Array.from(out);
    if (code > top + 1 || (code === top + 1 && last < 0)) return null;
    // A code that is not there yet is the last string and its own first octet.
    let height = 0;
    let walk = code;
    if (code === top + 1) {
      walk = last;
      height = 1;
    }
    while (walk >= FIRST) {
      stack[height] = suffixes[walk] as number;
      height += 1;
      walk = prefixes[walk] as number;
    }
    stack[height] = walk;
    height += 1;
    if (code === top + 1) stack[0] = walk;
    if (out.length + height > limit) return null;
    for (let i = height - 1; i >= 0; i -= 1) out.push(stack[i] as number);
    if (last >= 0 && top < MAX_CODE) {
      top += 1;
      prefixes[top] = last;
      suffixes[top] = walk;
    }
    last = code;
    // Go's reader grows the width when the next code would not fit.
    if (top + 1 >= 1 << width && width < MAX_WIDTH) width += 1;
  }
}

export function compress(plain: Uint8Array): Uint8Array {
  const out: number[] = [];
  const codes = new Map<number, number>();
  let bits = 0;
  let count = 0;
  let width = 9;
  let top = FIRST - 1;
  const write = (code: number): void => {
    bits |= code << count;
    count += width;
    while (count >= 8) {
      out.push(bits & 0xff);
      bits >>>= 8;
      count -= 8;
    }
  };
  write(CLEAR);
  let prefix = -1;
  for (const octet of plain) {
    const known = prefix < 0 ? octet : codes.get((prefix << 8) | octet);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    write(prefix);
    top += 1;
    if (top === 1 << width && width < MAX_WIDTH) width += 1;
    if (top >= MAX_CODE) {
      write(CLEAR);
      codes.clear();
      width = 9;
      top = FIRST - 1;
    } else codes.set((prefix << 8) | octet, top);
    prefix = octet;
  }
  if (prefix >= 0) {
    write(prefix);
    top += 1;
    if (top === 1 << width && width < MAX_WIDTH) width += 1;
  }
  write(END);
  if (count > 0) out.push(bits & 0xff);
  return Uint8Array.from(out);
}
