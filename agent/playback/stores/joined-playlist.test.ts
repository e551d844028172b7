import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import type { Timeline } from '../timeline.ts';
import type { StoredTimeline } from './contract.ts';
import { hasGaps, joinPlaylists, joinRewind, readSegments } from './joined-playlist.ts';
import { joinTimelines } from './joined-timeline.ts';

const BEGIN = Date.UTC(2026, 6, 1, 12);

interface Part {
  readonly start: number;
  /** Number of segments, six seconds each. */
  readonly segments: number;
}

/** A playlist as the box writes it. @param name of its files */
function playlistOf(parts: readonly Part[], name: string): string {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-TARGETDURATION:6', '#EXT-X-PLAYLIST-TYPE:VOD'];
  for (const [i, { start, segments }] of parts.entries()) {
    lines.push(...(i > 0 ? ['#EXT-X-DISCONTINUITY'] : []), `#EXT-X-MAP:URI="vod/${name}.mp4",BYTERANGE="700@0"`);
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(BEGIN + start * 1000).toISOString()}`);
    for (let k = 0; k < segments; k += 1) {
      lines.push('#EXTINF:6.00000,', `#EXT-X-BYTERANGE:100@${700 + start * 1_000 + k * 100}`, `vod/${name}.mp4`);
    }
  }
  return [...lines, '#EXT-X-ENDLIST', ''].join('\n');
}

const period = (seconds: number) => ({ startUs: BEGIN * 1000, durationUs: seconds * 1e6 });

test('segments of both are in the order of their times, with a new header and a discontinuity at each change', () => {
  const own = readSegments(playlistOf([{ start: 6, segments: 2 }], 'own'), true);
  const box = readSegments(playlistOf([{ start: 0, segments: 4 }], 'box'), false);
  const joined = joinPlaylists(own, box, period(24)) ?? '';
  expect(joined.split('\n').filter((line) => /MAP|DISCON|DATE|^vod/.test(line))).toEqual([
    '#EXT-X-MAP:URI="vod/box.mp4",BYTERANGE="700@0"',
    '#EXT-X-PROGRAM-DATE-TIME:2026-07-01T12:00:00.000Z',
    'vod/box.mp4',
    '#EXT-X-DISCONTINUITY',
    '#EXT-X-MAP:URI="vod/own.mp4",BYTERANGE="700@0"',
    '#EXT-X-PROGRAM-DATE-TIME:2026-07-01T12:00:06.000Z',
    'vod/own.mp4',
    'vod/own.mp4',
    '#EXT-X-DISCONTINUITY',
    '#EXT-X-MAP:URI="vod/box.mp4",BYTERANGE="700@0"',
    '#EXT-X-PROGRAM-DATE-TIME:2026-07-01T12:00:18.000Z',
    'vod/box.mp4',
  ]);
});

test('a box without anything in the gaps adds nothing', () => {
  const own = readSegments(playlistOf([{ start: 6, segments: 2 }], 'own'), true);
  const box = readSegments(playlistOf([{ start: 6, segments: 2 }], 'box'), false);
  expect(joinPlaylists(own, box, period(24))).toBeUndefined();
  expect([hasGaps(own, period(24)), hasGaps(own, { startUs: (BEGIN + 6_000) * 1000, durationUs: 12e6 })]).toEqual([
    true,
    false,
  ]);
});

test('whatever both have: all own segments are there, nothing of the box is missing in a gap, and times rise', () => {
  const next = random(3);
  const parts = (): Part[] => {
    const list: Part[] = [];
    for (let start = Math.floor(next() * 40); start < 400; ) {
      const segments = 1 + Math.floor(next() * 8);
      list.push({ start, segments });
      start += segments * 6 + 3 + Math.floor(next() * 60);
    }
    return list;
  };
  for (let round = 0; round < 300; round += 1) {
    const own = readSegments(playlistOf(parts(), 'own'), true);
    const box = readSegments(playlistOf(parts(), 'box'), false);
    const joined = joinPlaylists(own, box, period(400));
    const all = joined === undefined ? own : readSegments(joined, false);
    expect(all.filter(({ lines }) => lines.includes('vod/own.mp4'))).toHaveLength(own.length);
    expect(all.map(({ startUs }) => startUs)).toEqual(all.map(({ startUs }) => startUs).sort((a, b) => a - b));
    const has = (list: readonly { startUs: number; durationUs: number }[], us: number) =>
      list.some(({ startUs, durationUs }) => us >= startUs && us < startUs + durationUs);
    for (let second = 0; second < 400; second += 1) {
      const us = (BEGIN + second * 1000 + 500) * 1000;
      expect(has(all, us)).toBe(has(own, us) || has(box, us));
    }
  }
});

test('a rewind only grows, whatever both record and however late it is listed, and lacks nothing in the end', () => {
  const next = random(7);
  const parts = (): Part[] => {
    const list: Part[] = [];
    for (let start = Math.floor(next() * 80); start < 400; ) {
      const segments = 1 + Math.floor(next() * 12);
      list.push({ start, segments });
      start += segments * 6 + Math.floor(next() * 60);
    }
    return list;
  };
  /** What is listed at a time. */
  const listed = (all: readonly Part[], second: number): Part[] =>
    all
      .map(({ start, segments }) => ({ start, segments: Math.min(segments, Math.floor((second - start) / 6)) }))
      .filter(({ segments }) => segments > 0);
  for (let round = 0; round < 100; round += 1) {
    const [mine, theirs] = [parts(), parts()];
    let before = '';
    for (let second = 0; second < 600; second += 1 + Math.floor(next() * 9)) {
      const own = readSegments(playlistOf(listed(mine, second - next() * 24), 'own'), true);
      const box = readSegments(playlistOf(listed(theirs, second - next() * 24), 'box'), false);
      const settledUs = (BEGIN + (second - 42) * 1000) * 1000;
      const joined = joinRewind(own, box, { settledUs, targetSeconds: 6 }) ?? '';
      // Own segments may be listed later than before, too.
      const [short = '', long = ''] = [before, joined].sort((one, other) => one.length - other.length);
      expect(long.startsWith(short)).toBe(true);
      before = long;
    }
    const all = readSegments(before, false);
    const [own, box] = [mine, theirs].map((one) => readSegments(playlistOf(one, 'x'), true));
    expect(all.map(({ startUs }) => startUs)).toEqual(
      readSegments(joinPlaylists(own ?? [], box ?? [], period(400)) ?? playlistOf(mine, 'x'), true).map(
        ({ startUs }) => startUs,
      ),
    );
  }
});

test('a mutated playlist is either valid or badInput', () => {
  const next = random(5);
  const bytes = new TextEncoder().encode(playlistOf([{ start: 0, segments: 3 }], 'box'));
  const own = readSegments(playlistOf([{ start: 6, segments: 2 }], 'own'), true);
  let bad = 0;
  for (let i = 0; i < 5_000; i += 1) {
    try {
      const text = new TextDecoder().decode(mutate(bytes, next));
      expect(joinPlaylists(own, readSegments(text, false), period(60)) ?? '').not.toMatch(/NaN|Infinity|Invalid/);
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      bad += 1;
    }
  }
  expect(bad).toBeGreaterThan(50);
});

const EMPTY = {
  first: null,
  last: null,
  archived: [],
  fetched: [],
  imported: [],
  reasons: [],
  events: [],
  eventCounts: [],
  isCut: false,
};
const OWN = { ...EMPTY, path: 'yard', from: '', to: '', protected: [], resolution: 1 };

test('a timeline: reasons of gaps that are left, those of the box first, and events of one side', () => {
  const own: Timeline = {
    ...OWN,
    recordedSeconds: 20,
    coverage: [[40, 20]],
    gaps: [[0, 40]],
    reasons: [
      [0, 10, 'boxOff'],
      [20, 20, 'offline'],
    ],
  };
  const event = { id: 'e', type: 'person', at: 5, duration: 1, text: '' };
  const box: StoredTimeline = {
    ...EMPTY,
    resolution: 1,
    first: '2026-07-01T12:00:00Z',
    recordedSeconds: 30,
    coverage: [[0, 30]],
    gaps: [[30, 30]],
    reasons: [[30, 30, 'paused']],
    events: [event],
  };
  const joined = joinTimelines(own, box, 60);
  expect(joined).toMatchObject({
    coverage: [
      [0, 30],
      [40, 20],
    ],
    gaps: [[30, 10]],
    recordedSeconds: 50,
    first: '2026-07-01T12:00:00Z',
    reasons: [
      [20, 20, 'offline'],
      [30, 30, 'paused'],
    ],
    events: [event],
  });
  const mine = { ...event, id: 'mine' };
  expect(joinTimelines({ ...own, events: [mine] }, box, 60).events).toEqual([mine]);
});
