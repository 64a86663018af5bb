import type { Environment } from "@marcbachmann/cel-js";

const NANO = 1_000_000_000n;
const DECIMAL = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 } as const;
const BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const FORM = /^([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3}|)$/;
const MAX_LENGTH = 256;
const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/** A quantity of Kubernetes (resource.Quantity), in units of 10⁻⁹. */
class Quantity {
  readonly nano: bigint;
  constructor(nano: bigint) {
    this.nano = nano;
  }
}

/** Null for what is none. Beyond 10⁻⁹ it is rounded up. */
function parseQuantity(text: string): Quantity | null {
  const found = text.length > MAX_LENGTH ? null : FORM.exec(text);
  if (!found) return null;
  const [, sign, number = "", suffix = ""] = found;
  const [whole = "", fraction = ""] = number.split(".");
  const digits = BigInt(`${whole}${fraction}`);
  const binary = BINARY.indexOf(suffix);
  const decimal = /^[eE]./.test(suffix)
    ? Number(suffix.slice(1))
    : binary < 0
      ? DECIMAL[suffix as keyof typeof DECIMAL]
      : 0;
  const scale = decimal - fraction.length + 9;
  const value = digits * (binary < 0 ? 1n : 1024n ** BigInt(binary + 1));
  const divisor = 10n ** BigInt(Math.max(0, -scale));
  const nano = scale >= 0 ? value * 10n ** BigInt(scale) : (value + divisor - 1n) / divisor;
  return new Quantity(sign === "-" ? -nano : nano);
}

function quantityOf(text: string): Quantity {
  const parsed = parseQuantity(text);
  if (parsed === null)
    throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  return parsed;
}

const isInteger = ({ nano }: Quantity): boolean =>
  nano % NANO === 0n && nano / NANO >= INT64.min && nano / NANO <= INT64.max;

function asInteger(quantity: Quantity): bigint {
  if (!isInteger(quantity)) throw new Error("cannot convert value to integer");
  return quantity.nano / NANO;
}

const compare = (a: Quantity, b: Quantity): bigint => (a.nano < b.nano ? -1n : a.nano > b.nano ? 1n : 0n);

/** Kubernetes' library `quantity`. */
export function addQuantities(environment: Environment): void {
  environment
    .registerType("Quantity", Quantity)
    .registerFunction("quantity(string): Quantity", quantityOf)
    .registerFunction("isQuantity(string): bool", (text: string) => parseQuantity(text) !== null)
    .registerFunction("sign(Quantity): int", ({ nano }: Quantity) => (nano < 0n ? -1n : nano > 0n ? 1n : 0n))
    .registerFunction("Quantity.isInteger(): bool", isInteger)
    .registerFunction("Quantity.asInteger(): int", asInteger)
    .registerFunction("Quantity.asApproximateFloat(): double", ({ nano }: Quantity) => Number(nano) / Number(NANO))
    .registerFunction("Quantity.add(Quantity): Quantity", (a: Quantity, b: Quantity) => new Quantity(a.nano + b.nano))
    .registerFunction("Quantity.add(int): Quantity", (a: Quantity, b: bigint) => new Quantity(a.nano + b * NANO))
    .registerFunction("Quantity.sub(Quantity): Quantity", (a: Quantity, b: Quantity) => new Quantity(a.nano - b.nano))
    .registerFunction("Quantity.sub(int): Quantity", (a: Quantity, b: bigint) => new Quantity(a.nano - b * NANO))
    .registerFunction("Quantity.compareTo(Quantity): int", compare)
    .registerFunction("Quantity.isLessThan(Quantity): bool", (a: Quantity, b: Quantity) => a.nano < b.nano)
    .registerFunction("Quantity.isGreaterThan(Quantity): bool", (a: Quantity, b: Quantity) => a.nano > b.nano)
    .registerOperator("Quantity == Quantity", (a: Quantity, b: Quantity) => a.nano === b.nano);
}
