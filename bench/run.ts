/**
 * `npm run bench [-- NAME…]`: the goals, measured beside a peer and the floor in one run.
 * Names: allocator, controller, configuration, packing, bfd, convergence, layer2, planner, restart, speaker, footprint. Without names: all.
 */
import { cpus, totalmem } from "node:os";
import { allocatorBenchmark } from "./allocator.ts";
import { bfdBenchmark } from "./bfd.ts";
import { packingBenchmark } from "./bgp-packing.ts";
import { configurationBenchmark } from "./configuration.ts";
import { controllerBenchmark } from "./controller.ts";
import { convergenceBenchmark } from "./convergence.ts";
import { footprintBenchmark } from "./footprint.ts";
import { layer2Benchmark } from "./layer2.ts";
import { plannerBenchmark } from "./planner.ts";
import { type Benchmark, type Row, render } from "./report.ts";
import { restartBenchmark } from "./restart.ts";
import { speakerBenchmark } from "./speaker.ts";

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  allocator: allocatorBenchmark,
  controller: controllerBenchmark,
  configuration: configurationBenchmark,
  packing: packingBenchmark,
  bfd: bfdBenchmark,
  convergence: convergenceBenchmark,
  layer2: layer2Benchmark,
  planner: plannerBenchmark,
  restart: restartBenchmark,
  speaker: speakerBenchmark,
  footprint: footprintBenchmark,
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in BENCHMARKS));
if (unknown.length > 0) {
  console.error(`no benchmark is named ${unknown.join(", ")}; there are ${Object.keys(BENCHMARKS).join(", ")}`);
  process.exit(2);
}

const rows: Row[] = [];
for (const [name, benchmark] of Object.entries(BENCHMARKS))
  if (names.length === 0 || names.includes(name)) rows.push(...(await benchmark((line) => console.error(line))));

const machine = `${cpus().length} × ${cpus()[0]?.model ?? "?"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
console.log(`\n${machine}\n\n${render(rows)}`);
process.exit(0);
