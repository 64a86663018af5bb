import { Allocator } from "metallb/allocator";
import { decodeBGPAdvertisement, decodeIPAddressPool, decodeNamespace, decodeService, type Service } from "metallb/api";
import { type Compilation, compile, NO_RESOURCES, type Pool, type Resources } from "metallb/config";
import { type Benchmark, median, type Row } from "./report.ts";

const ROUNDS = 15;

function must<T>(decoded: { readonly ok: boolean; readonly value?: T }): T {
  if (!decoded.ok || decoded.value === undefined) throw new Error("an object of the benchmark cannot be read");
  return decoded.value;
}

const list = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const poolObject = (i: number, serviceAllocation?: object) =>
  must(
    decodeIPAddressPool({
      metadata: { name: `p${i}`, namespace: "metallb-system" },
      spec: { addresses: [`10.${i >> 8}.${i & 255}.0/24`], ...(serviceAllocation ? { serviceAllocation } : {}) },
    }),
  );

const thousand = (): Resources => ({
  ...NO_RESOURCES,
  pools: list(1_000, (i) => poolObject(i)),
  bgpAdvertisements: list(1_000, (i) =>
    must(
      decodeBGPAdvertisement({
        metadata: { name: `a${i}`, namespace: "metallb-system" },
        spec: { communities: [`64500:${i}`] },
      }),
    ),
  ),
});

const namespaces = (count: number) =>
  list(count, (i) => decodeNamespace({ metadata: { name: `n${i}`, labels: { team: String(i) } } })).filter(
    (namespace) => namespace !== null,
  );

const selecting = (count: number): Resources => ({
  ...NO_RESOURCES,
  pools: list(200, (i) => poolObject(i, { namespaceSelectors: [{ matchLabels: { team: String(i) } }] })),
  namespaces: namespaces(count),
});

const milliseconds = (act: () => void): number => {
  const start = process.hrtime.bigint();
  act();
  return Number(process.hrtime.bigint() - start) / 1e6;
};

function recompiled(what: string, before: Compilation, next: () => Resources): Row {
  const samples = list(ROUNDS, () => {
    const resources = next();
    return milliseconds(() => {
      if (compile(resources, before).config !== before.config) throw new Error(`${what}: something differs`);
    });
  });
  return { goal: 12, what, who: "metallb-ts", unit: "ms", samples, goalValue: 20, judged: "median" };
}

const service = (name: string, age: number): Service => {
  const decoded = decodeService({
    metadata: { name, namespace: "default", uid: name, creationTimestamp: new Date(age * 1_000).toISOString() },
    spec: { type: "LoadBalancer", clusterIPs: ["10.96.0.1"], ports: [{ port: 80, protocol: "TCP" }] },
  });
  if (!decoded) throw new Error(name);
  return decoded;
};

/** Pools that are full, and many Services that wait: what an edit of one pool costs, and what a release does. */
function waiting(count: number, poolCount: number): Row[] {
  const full = (i: number): Pool => {
    const object = must(decodeIPAddressPool({ metadata: { name: `p${i}` }, spec: { addresses: [`10.0.${i}.1/32`] } }));
    return compile({ ...NO_RESOURCES, pools: [object] }).config.pools[0] as Pool;
  };
  const all = list(poolCount, full);
  const services = new Map(list(poolCount, (i) => service(`holds${i}`, i)).map((each) => [each.key, each]));
  const allocator = new Allocator();
  const world = { services, pools: all };
  allocator.decide(world, { services: [], pools: true });
  const late = list(count, (i) => service(`waits${i}`, 1_000 + i));
  for (const each of late) services.set(each.key, each);
  allocator.decide(world, { services: late.map(({ key }) => key), pools: false });
  const what = `${count.toLocaleString("en-US")} Services wait for ${poolCount} pools`;
  const row = (name: string, samples: readonly number[], goalValue: number): Row => ({
    goal: 1,
    what: `${what}: ${name}`,
    who: "metallb-ts",
    unit: "ms",
    samples,
    goalValue,
    judged: "median",
  });
  const edits = list(5, (i) => {
    const pools = [...all.slice(1), full(200 + i)];
    return milliseconds(() => allocator.decide({ services, pools }, { services: [], pools: true }));
  });
  const releases = list(Math.min(20, poolCount - 1), (i) => {
    const key = `default/holds${i + 1}`;
    services.delete(key);
    return milliseconds(() => allocator.decide(world, { services: [key], pools: false }));
  });
  return [row("a pool is edited", edits, 1_000), ...(releases.length > 0 ? [row("one is released", releases, 5)] : [])];
}

/** What a change costs where little or nothing differs: recompiling, and waking those that wait. */
export const configurationBenchmark: Benchmark = async (say) => {
  const rows = [
    recompiled("1,000 pools × 1,000 advertisements recompiled, nothing differs", compile(thousand()), thousand),
    recompiled("200 pools × 5,000 namespaces recompiled, one more that none selects", compile(selecting(5_000)), () =>
      selecting(5_001),
    ),
    ...waiting(20_000, 10),
    ...waiting(20_000, 100),
  ];
  for (const { what, samples } of rows) say(`${what}: ${median(samples).toFixed(2)} ms`);
  return rows;
};
