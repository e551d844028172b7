import { expect, test } from 'vitest';
import { FIRST_WINDOW_BYTES, LinkWindow } from './link-window.ts';

const SECOND_MS = 1_000;
const kbits = (value: number): number => value / 8;

interface Uplink {
  /** Bytes per ms. */
  readonly rate: number;
  readonly baseMs: number;
  /** Queue that others keep filled. */
  readonly othersMs?: number;
  /** What the link would send, bytes per ms; default: all that passes. */
  readonly demand?: number;
}

/** What an uplink does within a second with a window, when all wait in one queue. */
function pass({ rate, baseMs, othersMs = 0, demand = Number.POSITIVE_INFINITY }: Uplink, windowBytes: number) {
  const share = othersMs > 0 ? rate / 2 : rate;
  const emptyMs = baseMs + othersMs;
  const bytesPerMs = Math.min(share, demand, windowBytes / emptyMs);
  const isGreedy = demand > share;
  const ownQueueMs = isGreedy ? Math.max(0, windowBytes - share * emptyMs) / share : 0;
  return { bytesPerMs, roundTripMs: emptyMs + (othersMs > 0 ? 0 : ownQueueMs) };
}

/** @returns what passes in each second */
function run(window: LinkWindow, uplink: Uplink, seconds: number, fromMs: number) {
  return Array.from({ length: seconds }, (_, i) => {
    const passed = pass(uplink, window.bytes);
    window.add({ ...passed, nowMs: fromMs + i * SECOND_MS });
    return { ...passed, queueMs: passed.roundTripMs - uplink.baseMs };
  });
}

const IDLE = { demand: 0 };

test.for([
  ['1 Mbit/s and 40 ms', { rate: kbits(1_000), baseMs: 40 }, 500],
  ['5 Mbit/s and 30 ms', { rate: kbits(5_000), baseMs: 30 }, 230],
  ['20 Mbit/s and 100 ms', { rate: kbits(20_000), baseMs: 100 }, 230],
  ['50 Mbit/s and 10 ms', { rate: kbits(50_000), baseMs: 10 }, 230],
  ['8 Mbit/s and 500 ms', { rate: kbits(8_000), baseMs: 500 }, 230],
] as const)('a download over %s takes the whole rate, and the queue stays short', ([, uplink, queueMs]) => {
  const window = new LinkWindow();
  run(window, { ...uplink, ...IDLE }, 1, 0);
  // Ten minutes, with the samples that measure the round trip again.
  const busy = run(window, uplink, 600, SECOND_MS).slice(6);
  expect(Math.max(...busy.map((one) => one.queueMs))).toBeLessThanOrEqual(queueMs);
  const mean = busy.reduce((sum, one) => sum + one.bytesPerMs, 0) / busy.length;
  expect(mean / uplink.rate).toBeGreaterThan(0.95);
});

test('a window grows in a fast network until it limits nothing', () => {
  const uplink = { rate: kbits(900_000), baseMs: 20 };
  const window = new LinkWindow();
  run(window, { ...uplink, ...IDLE }, 1, 0);
  expect(run(window, uplink, 10, SECOND_MS).at(-1)?.bytesPerMs).toBe(uplink.rate);
});

test('a camera keeps its rate when others in the house fill the uplink', () => {
  const uplink = { rate: kbits(20_000), baseMs: 20, othersMs: 400, demand: kbits(4_000) };
  const window = new LinkWindow();
  run(window, { ...uplink, othersMs: 0 }, 10, 0);
  const busy = run(window, uplink, 300, 10 * SECOND_MS).slice(10);
  const mean = busy.reduce((sum, one) => sum + one.bytesPerMs, 0) / busy.length;
  expect(mean / uplink.demand).toBeGreaterThan(0.95);
});

test('a download is not reduced to the smallest window because others fill the uplink', () => {
  const uplink = { rate: kbits(20_000), baseMs: 20 };
  const window = new LinkWindow();
  run(window, uplink, 20, 0);
  const busy = run(window, { ...uplink, othersMs: 200 }, 300, 20 * SECOND_MS).slice(10);
  const mean = busy.reduce((sum, one) => sum + one.bytesPerMs, 0) / busy.length;
  expect(mean).toBeGreaterThan(0.6 * (FIRST_WINDOW_BYTES / 220));
});

test('a network that becomes slower has a short queue again within seconds', () => {
  const window = new LinkWindow();
  run(window, { rate: kbits(100_000), baseMs: 30 }, 20, 0);
  const slow = run(window, { rate: kbits(5_000), baseMs: 40 }, 30, 20 * SECOND_MS);
  expect(Math.max(...slow.slice(3).map((one) => one.queueMs))).toBeLessThanOrEqual(130);
});

test('a longer way, as after a change of the network, is taken for what it is within two minutes', () => {
  const window = new LinkWindow();
  run(window, { rate: kbits(20_000), baseMs: 20 }, 20, 0);
  const far = { rate: kbits(20_000), baseMs: 400 };
  const later = run(window, far, 180, 20 * SECOND_MS).slice(120);
  const mean = later.reduce((sum, one) => sum + one.bytesPerMs, 0) / later.length;
  expect(mean / far.rate).toBeGreaterThan(0.9);
});
