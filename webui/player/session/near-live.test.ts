import { expect, test } from 'vitest';
import { NearLive } from './near-live.ts';

/** A video with the given seconds in its buffer, and a playlist with two-second segments whose live edge is at 20 s. */
function watching(currentTime: number, ranges: readonly (readonly [number, number])[] = [[0, 21]]) {
  const listeners = new Map<string, () => void>();
  const video = {
    currentTime,
    paused: false,
    seeking: false,
    buffered: {
      length: ranges.length,
      start: (i: number) => ranges[i]?.[0] ?? 0,
      end: (i: number) => ranges[i]?.[1] ?? 0,
    },
    addEventListener: (name: string, listener: () => void) => {
      listeners.set(name, listener);
    },
  };
  const player = { liveSyncPosition: 20, targetLatency: 0.6, latestLevelDetails: { targetduration: 2 } };
  let nowMs = 0;
  const nearLive = new NearLive(player as never, video as never, () => nowMs);
  const tell = (name: string) => listeners.get(name)?.();
  tell('timeupdate');
  return {
    video,
    player,
    nearLive,
    /** As a person does it, or a seek bar. */
    seek(toS: number) {
      Object.assign(video, { currentTime: toS, seeking: true });
      tell('seeking');
      video.seeking = false;
      tell('timeupdate');
    },
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

test('a viewer farther behind than hls.js corrects continues at the live edge', () => {
  const { nearLive, video } = watching(15);
  nearLive.onPlaylist();
  expect(video.currentTime).toBe(20);
});

test.for([
  ['hls.js makes it good by playing faster', 17.5, [[0, 21]]],
  ['the way to there is not at hand', 15, [[0, 19]]],
  [
    'there is a gap before it',
    15,
    [
      [0, 16],
      [18, 21],
    ],
  ],
] as const)('no seek while %s', ([, currentTime, ranges]) => {
  const { nearLive, video } = watching(currentTime, ranges);
  nearLive.onPlaylist();
  expect(video.currentTime).toBe(currentTime);
});

test('no seek while paused', () => {
  const { nearLive, video } = watching(15);
  video.paused = true;
  nearLive.onPlaylist();
  expect(video.currentTime).toBe(15);
});

test('a viewer who has seeked back stays there until near the live edge', () => {
  const { nearLive, video, seek } = watching(19.5);
  seek(14);
  nearLive.onPlaylist();
  expect(video.currentTime).toBe(14);
  seek(19);
  nearLive.onPlaylist();
  video.currentTime = 14;
  nearLive.onPlaylist();
  expect(video.currentTime).toBe(20);
});

test('a slow machine seeks ahead every five seconds, not for each playlist', () => {
  const { nearLive, video, pass } = watching(15);
  nearLive.onPlaylist();
  video.currentTime = 15;
  pass(4_900);
  nearLive.onPlaylist();
  expect(video.currentTime).toBe(15);
  pass(200);
  nearLive.onPlaylist();
  expect(video.currentTime).toBe(20);
});
