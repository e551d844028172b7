import { setFlagsFromString } from 'node:v8';

/**
 * Media comes in as large buffers outside V8's heap, a few megabytes a second, and V8 marks its whole heap again whenever
 * they have grown by its usual share: with eight cameras that was more than half of all CPU time. A wider share costs
 * about 20 MB (`npm run bench -- record-cpu record-memory`).
 */
const HEAP_GROWING_PERCENT = 100;

/**
 * Up to ten times V8's own counts. What runs at the start alone is no longer optimized: an idle box has 12 MB less, most of it pages
 * of the compilers. Eight cameras take a fifth more CPU in their first half minute for it, and then as much as ever.
 */
const CALLS_BEFORE_OPTIMIZING = {
  'invocation-count-for-maglev': 4_000,
  'invocation-count-for-maglev-osr': 1_000,
  'invocation-count-for-turbofan': 30_000,
  'invocation-count-for-osr': 5_000,
};

/** `run` sets these for Node alone: its memory comes from one arena, and what is free at the end of it goes back to the system. */
const OWN_SETTINGS = ['MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_'];

/** For a process that runs for long, before it loads the rest of itself. @param env of the programs that it starts */
export function saveMemory(env: NodeJS.ProcessEnv = process.env): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  for (const [name, count] of Object.entries(CALLS_BEFORE_OPTIMIZING)) {
    setFlagsFromString(`--${name}=${count}`);
  }
  for (const name of OWN_SETTINGS) {
    delete env[name];
  }
}
