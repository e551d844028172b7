import { setFlagsFromString } from 'node:v8';

/**
 * Media comes in as large buffers outside V8's heap, a few megabytes a second, and V8 marks its whole heap again whenever
 * they have grown by its usual share: with eight cameras that was more than half of all CPU time. A wider share costs
 * about 20 MB (`npm run bench -- record-cpu record-memory`).
 */
const HEAP_GROWING_PERCENT = 100;

/**
 * How much V8's compilers take over from the functions that one calls, in bytes of bytecode, beyond what is tiny: two tenths of
 * their own numbers. Code is smaller, and takes no more CPU time.
 */
const INLINED_BYTES = {
  'max-inlined-bytecode-size-cumulative': 200,
  'max-maglev-inlined-bytecode-size-cumulative': 200,
};

/**
 * After how many calls V8 optimizes a function with media, and how many it waits anew when it sees another kind of value (by itself 400,
 * 100, 3000, 500 and 500). Optimized code stays for good, so what is called a few times a minute (a viewer comes, a camera is back) has
 * to be optimized within minutes, or the heap goes on growing. At half the first and last of these a device takes 15 MB more.
 */
export const CALLS_FOR_MEDIA = {
  'invocation-count-for-maglev': 50,
  'invocation-count-for-maglev-osr': 15,
  'invocation-count-for-turbofan': 750,
  'invocation-count-for-osr': 125,
  'minimum-invocations-after-ic-update': 50,
};

/**
 * Ten times V8's own: nothing that runs at the start alone is optimized, and an idle box has 12 MB less, most of it pages of V8's
 * compilers.
 */
export const CALLS_WITHOUT_MEDIA = {
  'invocation-count-for-maglev': 4_000,
  'invocation-count-for-maglev-osr': 1_000,
  'invocation-count-for-turbofan': 30_000,
  'invocation-count-for-osr': 5_000,
};

/** `run` sets these for Node alone: its memory comes from one arena, and free memory at its end returns to the system. */
const OWN_SETTINGS = ['MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_'];

/** Called by a long-running process before it loads its other modules. @param env of the programs that it starts */
export function saveMemory(env: NodeJS.ProcessEnv = process.env): void {
  setFlags({ 'heap-growing-percent': HEAP_GROWING_PERCENT, ...INLINED_BYTES, ...CALLS_WITHOUT_MEDIA });
  for (const name of OWN_SETTINGS) {
    delete env[name];
  }
}

/**
 * To be called before the first packet: functions that have been called keep their former counts. Eight cameras optimized later took a
 * fifth more CPU in their first minute.
 */
export const optimizeForMedia = (): void => setFlags(CALLS_FOR_MEDIA);

function setFlags(flags: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(flags)) {
    setFlagsFromString(`--${name}=${value}`);
  }
}
