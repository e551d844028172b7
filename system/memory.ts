import { setFlagsFromString } from 'node:v8';

/**
 * Media comes in as large buffers outside V8's heap, a few megabytes a second, and V8 marks its whole heap again whenever
 * they have grown by its usual share. A wider share costs 3 MB and saves about a tenth of the CPU time (`record-cpu`).
 */
const HEAP_GROWING_PERCENT = 100;

/**
 * After how many calls V8 optimizes a function with media, and how many it waits anew when it sees another kind of value (by itself 400,
 * 100, 3000, 500 and 500). Optimized code stays for good, so what is called a few times a minute (a viewer comes, a camera is back) has
 * to be optimized within minutes, or the heap goes on growing: by 6 % instead of 2 % in the soak test's last 25 minutes.
 */
export const CALLS_FOR_MEDIA = {
  'invocation-count-for-maglev': 50,
  'invocation-count-for-maglev-osr': 15,
  'invocation-count-for-turbofan': 750,
  'invocation-count-for-osr': 125,
  'minimum-invocations-after-ic-update': 50,
};

/**
 * Ten times V8's own: nothing that only runs at the start is optimized, and an idle device has 8 MB less (`footprint-idle`), most
 * of it pages of V8's compilers.
 */
export const CALLS_WITHOUT_MEDIA = {
  'invocation-count-for-maglev': 4_000,
  'invocation-count-for-maglev-osr': 1_000,
  'invocation-count-for-turbofan': 30_000,
  'invocation-count-for-osr': 5_000,
};

/** Set by `run` for Node alone: its memory comes from one arena, and free memory at the arena's end returns to the system. */
const OWN_SETTINGS = ['MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_'];

/** Called by a long-running process before it loads its other modules. @param env of the programs that it starts */
export function saveMemory(env: NodeJS.ProcessEnv = process.env): void {
  setFlags({ 'heap-growing-percent': HEAP_GROWING_PERCENT, ...CALLS_WITHOUT_MEDIA });
  for (const name of OWN_SETTINGS) {
    delete env[name];
  }
}

/** Called before the first packet: V8 keeps the former counts for functions that have already run. */
export const optimizeForMedia = (): void => setFlags(CALLS_FOR_MEDIA);

function setFlags(flags: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(flags)) {
    setFlagsFromString(`--${name}=${value}`);
  }
}
