import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { retryNow } from '../shell/sleep.ts';
import { RecordingPlayer } from './recording-player.ts';

const START_MS = Date.parse('2026-11-20T10:00:00Z');
const SPANS = [{ start: '2026-11-20T10:00:00Z', startMs: START_MS, endMs: START_MS + 60_000 }];

/** As much of a video element as the deck touches. */
class Video extends EventTarget {
  readonly addresses: string[] = [];
  currentTime = 0;
  defaultPlaybackRate = 1;
  playbackRate = 1;
  paused = true;
  seeking = false;
  videoWidth = 640;
  readyState = 4;
  error: { readonly code: number } | null = null;
  set src(address: string) {
    this.addresses.push(address);
    this.isEmpty = false;
    // As in a browser: what was loaded before goes, and where it was.
    this.currentTime = 0;
  }
  hasAttribute = () => this.addresses.length > 0;
  isEmpty = true;
  removeAttribute = () => {
    this.isEmpty = true;
  };
  load = () => {};
  pause = () => {};
  play = async () => {};
}

let answer: () => Promise<Response>;
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('HTMLMediaElement', { HAVE_CURRENT_DATA: 2 });
  vi.stubGlobal('requestAnimationFrame', () => 0);
  vi.stubGlobal('fetch', () => answer());
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function shown() {
  const video = new Video();
  const calls: string[] = [];
  const nothing = () => {};
  const player = new RecordingPlayer(video as unknown as HTMLVideoElement, {
    ...{
      onTime: nothing,
      onLeave: nothing,
      onSoundOnly: nothing,
      onPaused: () => calls.push('halted'),
    },
    onGap: (isGap) => isGap && calls.push('gap'),
    onShown: () => calls.push('shown'),
    onFailure: (why) => calls.push(why),
  });
  player.load('door', SPANS);
  player.goTo(START_MS + 20_000, true);
  const fail = async (code?: number) => {
    video.error = code === undefined ? null : { code };
    video.dispatchEvent(new Event('error'));
    await vi.advanceTimersByTimeAsync(0);
  };
  return { video, player, calls, fail };
}

const status = (code: number) => async () => new Response('', { status: code });
const noNetwork = () => Promise.reject(new TypeError('no network'));

test.for([
  ['a box that is busy', status(503)],
  ['a network that is away', noNetwork],
] as const)('a load that failed because of %s is retried at the same moment with growing delays', async ([, why]) => {
  answer = why;
  const { video, calls, fail } = shown();
  await fail();
  expect([calls, video.addresses.length]).toEqual([['away'], 1]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([video.addresses.length, video.currentTime]).toEqual([2, 20]);
  await fail();
  await vi.advanceTimersByTimeAsync(1_900);
  expect(video.addresses.length).toBe(2);
  await vi.advanceTimersByTimeAsync(200);
  expect([video.addresses.length, video.currentTime]).toEqual([3, 20]);
  video.dispatchEvent(new Event('loadeddata'));
  expect(calls.at(-1)).toBe('shown');
});

const DECODING = 3;
const UNKNOWN_FORMAT = 4;

test('a damaged spot is retried once, then skipped by growing steps, then reported', async () => {
  answer = status(206);
  const { video, calls, fail } = shown();
  for (const [waitMs, atS] of [
    [1_000, 20],
    [2_000, 22],
    [4_000, 28],
    [8_000, 52],
  ] as const) {
    await fail(DECODING);
    await vi.advanceTimersByTimeAsync(waitMs);
    expect(video.currentTime).toBe(atS);
    // A picture before the damage is shown each time, and that says nothing.
    video.dispatchEvent(new Event('loadeddata'));
  }
  expect(calls.filter((word) => word !== 'shown')).toEqual(['away', 'away', 'away', 'away']);
  await fail(DECODING);
  await vi.advanceTimersByTimeAsync(120_000);
  expect([calls.at(-1), video.addresses.length]).toEqual(['unplayable', 5]);
});

test('after a damaged spot the next one starts over', async () => {
  answer = status(206);
  const { video, fail } = shown();
  await fail(DECODING);
  await vi.advanceTimersByTimeAsync(1_000);
  await fail(DECODING);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(video.currentTime).toBe(22);
  video.currentTime = 25;
  video.dispatchEvent(new Event('timeupdate'));
  await fail(DECODING);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([video.addresses.length, video.currentTime]).toEqual([4, 25]);
});

test('a file that the browser cannot decode is neither searched nor loaded forever', async () => {
  answer = status(200);
  const { video, calls, fail } = shown();
  for (let tries = 0; tries < 5; tries += 1) {
    expect(video.currentTime).toBe(20);
    await fail(UNKNOWN_FORMAT);
    await vi.advanceTimersByTimeAsync(30_000);
  }
  expect([calls.at(-1), video.addresses.length]).toEqual(['unplayable', 5]);
});

test('a network failure is not treated as damage', async () => {
  answer = status(206);
  const { video, calls, fail } = shown();
  for (let tries = 0; tries < 9; tries += 1) {
    await fail(2);
    await vi.advanceTimersByTimeAsync(30_000);
  }
  expect([new Set(calls), video.currentTime]).toEqual([new Set(['away']), 20]);
});

test('playback continues from the last moment as soon as the box is back', async () => {
  answer = noNetwork;
  const { video, fail } = shown();
  video.currentTime = 31;
  video.dispatchEvent(new Event('timeupdate'));
  await fail();
  retryNow();
  await vi.advanceTimersByTimeAsync(0);
  expect([video.addresses.length, video.currentTime]).toEqual([2, 31]);
});

test('a deleted recording is not requested again until the next seek', async () => {
  answer = status(404);
  const { video, player, calls, fail } = shown();
  await fail();
  await vi.advanceTimersByTimeAsync(120_000);
  expect([calls, video.addresses.length]).toEqual([['gone'], 1]);
  player.goTo(START_MS + 5_000);
  expect([video.addresses.length, video.currentTime]).toEqual([2, 5]);
});

test('a seek during a failure is kept, and nothing is retried after the end', async () => {
  answer = noNetwork;
  const { video, player, fail } = shown();
  await fail();
  player.goTo(START_MS + 40_000);
  await vi.advanceTimersByTimeAsync(60_000);
  expect([video.addresses.length, video.currentTime]).toEqual([2, 40]);
  await fail();
  player.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(video.addresses.length).toBe(2);
});

test('the event of a pause that was taken back in the same moment halts nothing', () => {
  const { video, player, calls } = shown();
  player.play(false);
  player.play(true);
  video.paused = false;
  video.dispatchEvent(new Event('pause'));
  expect(calls).toEqual([]);
  video.paused = true;
  video.dispatchEvent(new Event('pause'));
  expect(calls).toEqual(['halted']);
});

const spanOf = (fromS: number, toS: number) => ({
  start: new Date(START_MS + fromS * 1000).toISOString(),
  ...{ startMs: START_MS + fromS * 1000, endMs: START_MS + toS * 1000 },
});

const DELETED = { name: 'door', startMs: START_MS + 40_000, endMs: START_MS + 50_000 };

test('what was deleted is not played from the buffer: the rest of the file is loaded again at the same moment', () => {
  const { video, player, calls } = shown();
  const left = [spanOf(0, 40), spanOf(50, 60)];
  player.load('door', left, DELETED);
  expect([video.addresses.length, video.currentTime, calls]).toEqual([2, 20, []]);
  // As the box reports it again, a little longer: nothing to load.
  player.load('door', [spanOf(0, 40.2), spanOf(50, 70)], DELETED);
  expect(video.addresses.length).toBe(2);
  // The displayed moment is deleted: playback continues after the deleted range.
  player.load('door', [spanOf(0, 10), spanOf(50, 70)], { ...DELETED, startMs: START_MS + 10_000 });
  expect([video.addresses.length, video.currentTime, player.nowMs()]).toEqual([3, 0, START_MS + 50_000]);
});

test.for([
  ['nothing was deleted: the list may lack the recordings of a box that does not answer', [spanOf(0, 5)], undefined],
  ['another camera has lost its recordings', [spanOf(0, 5)], { ...DELETED, name: 'yard' }],
  ['the deletion was undone', [spanOf(0, 60)], DELETED],
  ['ranges that touch have all of it', [spanOf(0, 42), spanOf(42, 47), spanOf(47, 60)], DELETED],
] as const)('the buffer stays: %s', ([, spans, deleted]) => {
  const { video, player, calls } = shown();
  player.load('door', spans, deleted);
  expect([video.addresses.length, video.currentTime, calls]).toEqual([1, 20, []]);
});

test('at a deleted moment a paused player lets go of the picture, and Undo brings it back', () => {
  const { video, player, calls } = shown();
  const deleted = { ...DELETED, startMs: START_MS + 10_000 };
  player.play(false);
  player.load('door', [spanOf(0, 10), spanOf(50, 60)], deleted);
  expect([video.isEmpty, calls, player.nowMs()]).toEqual([true, ['gap'], START_MS + 20_000]);
  player.load('door', SPANS);
  expect([video.isEmpty, video.addresses.length, video.currentTime]).toEqual([false, 2, 20]);
  player.load('door', [], { ...DELETED, startMs: START_MS });
  expect([video.isEmpty, calls]).toEqual([true, ['gap', 'gap']]);
});
