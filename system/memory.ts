import { setFlagsFromString } from 'node:v8';

/**
 * Media comes in as large buffers outside V8's heap, a few megabytes a second, and V8 marks its whole heap again whenever
 * they have grown by its usual share: with eight cameras that was more than half of all CPU time. A wider share costs
 * about 20 MB (`npm run bench -- record-cpu record-memory`).
 */
const HEAP_GROWING_PERCENT = 100;

/**
 * After how many calls V8 optimizes a function: a quarter of its own numbers (`node --v8-options`), so that more of what is ever
 * optimized is so in the first minutes. Code is added all the same for half an hour, in one soak 0.4 MB of it, in another 2.
 */
export const CALLS_BEFORE_OPTIMIZING = {
  'invocation-count-for-maglev': 100,
  'invocation-count-for-maglev-osr': 25,
  'invocation-count-for-turbofan': 750,
  'invocation-count-for-osr': 125,
};

/**
 * With this many times its calls nothing that runs at the start alone is optimized: an idle box has 12 MB less, most of it pages of V8's
 * compilers.
 */
const LATER = 40;

/** `run` sets these for Node alone: its memory comes from one arena, and what is free at the end of it goes back to the system. */
const OWN_SETTINGS = ['MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_'];

/** For a process that runs for long, before it loads the rest of itself. @param env of the programs that it starts */
export function saveMemory(env: NodeJS.ProcessEnv = process.env): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  optimizeAfter(LATER);
  for (const name of OWN_SETTINGS) {
    delete env[name];
  }
}

/**
 * To be called before the first packet: functions that have been called keep their former counts. Eight cameras optimized later took a
 * fifth more CPU in their first minute.
 */
export const optimizeForMedia = (): void => optimizeAfter(1);

function optimizeAfter(times: number): void {
  for (const [name, calls] of Object.entries(CALLS_BEFORE_OPTIMIZING)) {
    setFlagsFromString(`--${name}=${times * calls}`);
  }
}
