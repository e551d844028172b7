/** Maximum growth of objects and of counts, from the first look to the last. An object of 40 bytes kept for each viewer is more. */
const MAX_OBJECT_GROWTH = 1.01;
const MAX_GROWTH = 1.03;
/** Caches are whole slabs. */
const SLACK_BUFFER_BYTES = 500_000;
/**
 * V8 compiles functions that are called a few times a minute for an hour, fewer and fewer of them; a leak adds as much
 * after the second look as before it.
 */
const MAX_LATER_SHARE = 0.75;
const SLACK_HEAP_SHARE = 0.01;

/**
 * The lowest of some readings without viewers and with every camera online: V8's heap as a whole, with optimized code,
 * and the objects in it.
 */
export interface Kept {
  readonly heapBytes: number;
  readonly objectBytes: number;
  /** Outside V8's heap. */
  readonly buffersBytes: number;
  readonly sockets: number;
  readonly timers: number;
  /** All active resources of the event loop, including sockets and timers. */
  readonly resources: number;
  readonly descriptors: number;
  /** Functions that wait for events. */
  readonly listeners: number;
}

/** @param looks the second halves the time between the others @returns what holds more than it may at the last one */
export function grown(looks: readonly [first: Kept, second: Kept, last: Kept]): string[] {
  const [first, , last] = looks;
  return (Object.keys(first) as (keyof Kept)[])
    .filter((key) => last[key] > maxOf(key, looks))
    .map((key) => `${key}: ${looks.map((one) => one[key]).join(', ')}`);
}

function maxOf(key: keyof Kept, [first, second]: readonly [first: Kept, second: Kept, last: Kept]): number {
  switch (key) {
    case 'heapBytes': {
      const earlier = second.heapBytes - first.heapBytes;
      return second.heapBytes + Math.max(MAX_LATER_SHARE * earlier, SLACK_HEAP_SHARE * first.heapBytes);
    }
    case 'objectBytes':
      return first.objectBytes * MAX_OBJECT_GROWTH;
    case 'buffersBytes':
      return Math.max(first.buffersBytes * MAX_GROWTH, first.buffersBytes + SLACK_BUFFER_BYTES);
    default:
      return first[key] * MAX_GROWTH;
  }
}
