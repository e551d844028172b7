import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { checkPlaylist, eventOf, eventPageOf, readJson, spansOf, timelineFields } from './box-answers.ts';

const TIMELINE = {
  path: 'yard',
  resolution: 5,
  first: '2026-07-01T00:00:00+02:00',
  last: '2026-07-02T00:00:00+02:00',
  recordedSeconds: 3_500,
  coverage: [
    [0, 1_000],
    [1_100, 2_500],
  ],
  archived: [],
  fetched: [],
  imported: [],
  gaps: [[1_000, 100]],
  reasons: [[1_000, 100, 'offline']],
  events: [{ id: 'e1', type: 'motion', at: 10, duration: 5, text: '' }],
  eventCounts: [],
  protected: [],
  isCut: false,
};
const EVENT = {
  time: '2026-07-01T12:00:01Z',
  id: 'e1',
  path: 'yard',
  type: 'person',
  start: '2026-07-01T12:00:00.250Z',
  end: null,
  text: 'at the gate',
  source: 'camera',
};
const LIST = [
  { start: '2026-07-01T14:00:00.5+02:00', duration: 60.25, url: 'http://box/playback/get?path=yard' },
  { start: '2026-07-01T11:00:00Z', duration: 10, url: '' },
];
const PLAYLIST = [
  ...['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-MAP:URI="vod/1-ab.mp4",BYTERANGE="800@0"', '#EXTINF:2.00000,'],
  ...['#EXT-X-BYTERANGE:1000@800', 'vod/1767225600000000-a_b.-0.02.mp4', '#EXT-X-ENDLIST', ''],
].join('\n');

test('a list is sorted, and its addresses are left out', () => {
  expect(spansOf(LIST)).toEqual([
    { startUs: Date.UTC(2026, 6, 1, 11) * 1000, durationUs: 10e6 },
    { startUs: Date.UTC(2026, 6, 1, 12) * 1000 + 500_000, durationUs: 60_250_000 },
  ]);
});

test.for([
  ['not a list', {}],
  ['no start', [{ duration: 1 }]],
  ['a start that is no time', [{ start: '2026-02-30T00:00:00Z', duration: 1 }]],
  ['a negative duration', [{ start: '2026-01-01T00:00:00Z', duration: -1 }]],
  ['an endless duration', JSON.parse('[{"start":"2026-01-01T00:00:00Z","duration":1e999}]')],
] as const)('a list with %s is rejected', ([, list]) => {
  expect(() => spansOf(list)).toThrow(PerchError);
});

describe('timeline', () => {
  test('fields are those of the box', () => {
    const { path, protected: _, ...fields } = TIMELINE;
    expect(path).toBe('yard');
    expect(timelineFields({ ...TIMELINE, extra: 'x'.repeat(100) }, 3_600)).toEqual(fields);
  });

  test('wrong times are cut to the period, or left out', () => {
    const wild = {
      ...TIMELINE,
      first: 'yesterday',
      recordedSeconds: 1e12,
      coverage: [
        [-50, 100],
        [3_500, 1e9],
        [1e15, 5],
        [10, -5],
      ],
      reasons: [
        [-1, 5, 'offline'],
        [3_590, 1e9, 'offline'],
      ],
      events: [{ id: 'late', type: 'motion', at: 1e9, duration: 5, text: '' }],
    };
    const { first, recordedSeconds, coverage, reasons, events } = timelineFields(wild, 3_600);
    expect({ first, recordedSeconds, coverage, reasons, events }).toEqual({
      first: null,
      recordedSeconds: 3_600,
      coverage: [
        [0, 50],
        [3_500, 100],
      ],
      reasons: [[3_590, 10, 'offline']],
      events: [],
    });
  });

  test.for([
    ['coverage', 'all'],
    ['coverage', [[1]]],
    ['coverage', Array.from({ length: 3_000 }, () => [0, 1])],
    ['events', [{ id: 'x'.repeat(65), type: 'motion', at: 1, duration: 1, text: '' }]],
    ['events', [{ id: 'x', type: 'motion', at: 1, duration: 1, text: 'x'.repeat(501) }]],
    ['isCut', 'no'],
  ] as const)('a wrong %s is rejected', ([key, value]) => {
    expect(() => timelineFields({ ...TIMELINE, [key]: value }, 3_600)).toThrow('an invalid timeline');
  });
});

test('an event has its times, and none of the other fields', () => {
  const startUs = Date.UTC(2026, 6, 1, 12) * 1000 + 250_000;
  const event = { id: 'e1', path: 'yard', type: 'person', startUs, endUs: undefined, text: 'at the gate' };
  expect(eventOf(EVENT)).toEqual(event);
  expect(eventOf({ ...EVENT, end: '2026-07-01T12:00:02Z' }).endUs).toBe(startUs + 1_750_000);
});

const LABEL = {
  ...{ type: 'person', score: 0.7, at: '2026-07-01T12:00:01Z' },
  box: { x: 0.1, y: 0.2, width: 0.3, height: 0.4 },
};

test('an event has its valid labels; a box of an earlier release sends none', () => {
  const { at, ...label } = LABEL;
  const wrong = [null, 7, label, { ...label, at, type: 'cat' }, { ...label, at: 'now' }, { ...label, at, score: 2 }];
  const { labels } = eventOf({ ...EVENT, labels: [...wrong, { ...label, at }] });
  expect(labels).toEqual([{ ...label, at: Date.parse(at) * 1000 }]);
  expect(eventOf({ ...EVENT, labels: [] }).labels).toEqual([]);
  expect([undefined, null, 'person'].map((one) => eventOf({ ...EVENT, labels: one }).labels)).toEqual([
    ...[undefined, undefined, undefined],
  ]);
});

test.for([
  { id: 'a b' },
  { type: '<script>' },
  { start: 'now' },
  { start: '1969-12-31T00:00:00Z' },
  { end: '2026-07-01T11:00:00Z' },
  { path: 7 },
])('an event with %o is rejected, and left out of a page', (wrong) => {
  expect(() => eventOf({ ...EVENT, ...wrong })).toThrow(PerchError);
  const page = eventPageOf({ items: [{ ...EVENT, ...wrong }, EVENT], next: null });
  expect(page.events.map(({ id }) => id)).toEqual(['e1']);
});

test.for([
  ['an address', 'https://evil.example/x.mp4'],
  ['an address without scheme', '//evil.example/x.mp4'],
  ['a path of the server', '/v3/config/global/get'],
  ['a folder above', '../other/vod/1.mp4'],
  ['an encoded folder above', '%2e%2e/vod/1.mp4'],
  ['a script', 'javascript:alert(1)'],
  ['a key elsewhere', '#EXT-X-KEY:METHOD=AES-128,URI="https://evil.example/k"'],
  ['a key with blanks', '#EXT-X-KEY:METHOD=AES-128,URI = "https://evil.example/k"'],
  ['a key without quotation mark at the end', '#EXT-X-KEY:METHOD=AES-128,URI="https://evil.example/k'],
  ['a very long line', 'x'.repeat(3_000)],
] as const)('a playlist with %s is rejected', ([, line]) => {
  expect(checkPlaylist(PLAYLIST)).toBe(PLAYLIST);
  expect(() => checkPlaylist(`${PLAYLIST}${line}\n`)).toThrow('leads elsewhere');
});

test('what is no playlist is rejected', () => {
  expect(() => checkPlaylist('<html>')).toThrow('or is none');
});

test('an answer is read up to its limit', async () => {
  let sent = 0;
  const endless = Readable.from(
    (async function* () {
      for (;;) {
        sent += 65_536;
        yield Buffer.alloc(65_536, '[');
      }
    })(),
  );
  await expect(readJson(endless, 1 << 20)).rejects.toThrow('an answer of more than 1048576 bytes');
  expect(sent).toBeLessThan(2 << 20);
  expect(endless.destroyed).toBe(true);
  await expect(readJson(Readable.from([Buffer.from('{"a":')]), 100)).rejects.toThrow('an answer that is not JSON');
});

/** Mutated bytes, as far as they are still JSON. */
function* mutatedJson(value: unknown, count: number): Generator<unknown> {
  const next = random(7);
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  for (let i = 0; i < count; i += 1) {
    const text = new TextDecoder().decode(mutate(bytes, next));
    try {
      yield JSON.parse(text);
    } catch {}
  }
}

/** Values of other types in each place. */
function* swapped(value: unknown): Generator<unknown> {
  for (const other of [null, -1, 1e308, '', [], {}, 'x'.repeat(5_000)]) {
    yield other;
    if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        for (const one of swapped(inner)) {
          yield Array.isArray(value) ? value.with(Number(key), one) : { ...value, [key]: one };
        }
      }
    }
  }
}

test.for([
  ['list', LIST, spansOf],
  ['labelled event', { ...EVENT, labels: [LABEL] }, eventOf],
  ['timeline', TIMELINE, (answer: unknown) => timelineFields(answer, 3_600)],
  ['event', EVENT, eventOf],
  ['page of events', { items: [EVENT], next: 'abc' }, eventPageOf],
] as const)('a mutated %s is either valid or badInput', ([, value, read]) => {
  let [good, bad] = [0, 0];
  for (const answer of [...mutatedJson(value, byLength(4_000, 20_000)), ...swapped(value)]) {
    try {
      const text = JSON.stringify(read(answer));
      expect(text).not.toMatch(/NaN|Infinity/);
      good += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      expect((error as PerchError).code).toBe('badInput');
      bad += 1;
    }
  }
  expect(good).toBeGreaterThan(0);
  expect(bad).toBeGreaterThan(20);
});
