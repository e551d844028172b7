import { expect, test } from 'vitest';
import { LinkShare } from './link-share.ts';

/** Reads a replay in steps of 100 ms. @param rateOf bytes a second after so many milliseconds @param speed of the replay, 1 is real time */
function readReplay(
  share: LinkShare,
  rateOf: (ms: number) => number,
  speed = 20,
  beginMs = 5_000,
): { measuredMs: number; bytes: number } {
  share.begin(beginMs);
  let [bytes, ms] = [0, 0];
  const before = share.maxBytesPerSecond;
  for (; ms < 20_000 && share.maxBytesPerSecond === before; ms += 100) {
    bytes += Math.min(before, rateOf(ms)) / 10;
    share.read(bytes, ms * speed, beginMs + ms);
  }
  return { measuredMs: ms, bytes };
}

test('after a second at full speed a replay takes a quarter of the link', () => {
  const share = new LinkShare();
  const { measuredMs } = readReplay(share, () => 1_000_000);
  expect(measuredMs).toBeLessThanOrEqual(1_200);
  expect(share.linkBytesPerSecond).toBeCloseTo(1_000_000, -4);
  expect(share.maxBytesPerSecond).toBeCloseTo(250_000, -4);
});

test('a fast link is measured with a few megabytes, and has the limit of one of 100 Mbit/s', () => {
  const share = new LinkShare();
  const { bytes } = readReplay(share, () => 100e6);
  expect(bytes).toBeLessThan(7e6);
  expect(share.maxBytesPerSecond).toBe(3 << 20);
});

test('a connection that begins slowly over a long way is measured until it grows no more', () => {
  const share = new LinkShare();
  readReplay(share, (ms) => Math.min(2e6, 40_000 * 2 ** (ms / 300)));
  expect(share.maxBytesPerSecond).toBeGreaterThan(300_000);
});

test('a camera that replays in real time shows nothing of its link, and is not slowed', () => {
  const share = new LinkShare();
  readReplay(share, () => 200_000, 1);
  expect(share.linkBytesPerSecond).toBeUndefined();
  expect(share.maxBytesPerSecond).toBe(3 << 20);
});

test('a link is measured again after an hour; one on which nearly nothing comes leaves a least rate', () => {
  const share = new LinkShare();
  const minute = 60_000;
  readReplay(share, () => 4_000_000);
  expect(share.maxBytesPerSecond).toBeCloseTo(1_000_000, -4);
  share.begin(30 * minute);
  expect(share.maxBytesPerSecond).toBeCloseTo(1_000_000, -4);
  readReplay(share, () => 1_000, 20, 61 * minute);
  expect(share.maxBytesPerSecond).toBe(32 << 10);
});

test('a replay that ended while it was measured leaves the link to the next one', () => {
  const share = new LinkShare();
  share.begin(0);
  share.read(1_000, 20, 100);
  readReplay(share, () => 1_000_000);
  expect(share.linkBytesPerSecond).toBeCloseTo(1_000_000, -4);
});

test('the search on the card before the first picture does not count', () => {
  const share = new LinkShare();
  share.begin(0);
  for (let ms = 0; ms < 5_000; ms += 100) {
    share.read(0, Number.NaN, ms);
  }
  for (let ms = 0; ms <= 1_500; ms += 100) {
    share.read(ms * 500, ms * 20, 5_000 + ms);
  }
  expect(share.linkBytesPerSecond).toBeCloseTo(500_000, -4);
});
