import { createHash } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../../../test/onvif-camera/camera.ts';
import { enlarge, filledCard } from '../../../../test/onvif-camera/card/filled-card.ts';
import type { Quirks } from '../../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { systemClock } from '../../../base/clock.ts';
import { openSession } from '../../../onvif/device/onvif-session.ts';
import type { UsRange } from '../../../playback/index/hidden-ranges.ts';
import type { Playback } from '../../../playback/playback.ts';
import type { Recorder } from '../../../record/recorder.ts';
import { askedOf, fetchGap, listGap } from './fetch-gap.ts';

const LOGIN = { user: 'admin', password: 'pässword' };
const SECONDS = 60;
const HOUR_MS = 3_600_000;
/** Of the card, whose end is now: it records. */
const startMs = Math.floor(systemClock.wallMs() / 1_000) * 1_000 - SECONDS * 1_000;
const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

function withoutSets(unit: Uint8Array): Uint8Array {
  const bytes = Buffer.from(unit);
  let at = 0;
  while ([7, 8].includes((bytes[at + 4] ?? 0) & 0x1f)) {
    at += 4 + bytes.readUInt32BE(at);
  }
  return bytes.subarray(at);
}

interface Setup {
  readonly quirks?: Quirks;
  /** The box has no picture that equals one of the card: none at all, or those of another stream. */
  readonly isOther?: 'none' | 'stream';
  /** The card holds half a minute of an hour ago, too. */
  readonly hasHourBefore?: boolean;
  /** The card holds these seconds, too. */
  readonly before?: readonly Pick<Parameters<typeof filledCard>[0], 'fromMs' | 'seconds'>[];
  /** Seconds whose group of pictures is larger than one may be. */
  readonly large?: readonly [fromSecond: number, untilSecond: number];
  /** Of each of its pictures. */
  readonly largeBytes?: number;
  readonly gap?: readonly [fromSecond: number, untilSecond: number];
  /** What the box has came from the card itself: from one with the stream that is recorded, as was seen before, or from any. */
  readonly fetched?: 'same' | 'any';
  readonly mustMatch?: boolean;
  /** The gap is asked for so much later. */
  readonly laterMs?: number;
}

/** Silence and pauses pass in steps, between which the sockets of this process are served: on a busy machine, too. */
async function inSteps<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  void work.then(end, end);
  while (!isOver) {
    await clock.advance(250);
    await systemClock.sleep(1, new AbortController().signal);
  }
  return work;
}

/** A gap of a box whose recordings are those of the card, ten pictures and one group a second. */
async function openGap(setup: Setup = {}) {
  const {
    quirks = {},
    isOther,
    hasHourBefore = false,
    before = [],
    large = [],
    largeBytes,
    gap: [from, until] = [20.35, 30.6],
    fetched,
    laterMs = 0,
    mustMatch = false,
  } = setup;
  const clock = new FakeClock();
  const wallMs = () => systemClock.wallMs() + laterMs;
  Object.assign(clock, { wallMs });
  const card = filledCard({ fromMs: startMs, seconds: SECONDS });
  card.sub = quirks.cardStream && filledCard({ fromMs: startMs, seconds: SECONDS, size: [128, 72] });
  if (hasHourBefore) {
    card.units.unshift(...filledCard({ fromMs: startMs - HOUR_MS, seconds: 33 }).units);
  }
  const earlier = before.flatMap((one) => filledCard({ ...one, group: 50 }).units);
  card.units.unshift(...earlier);
  const [largeFrom, largeUntil] = large.map((second) => startMs + second * 1_000);
  enlarge(card, largeFrom ?? 0, largeUntil ?? 0, largeBytes);
  card.isRecording = true;
  const camera = await startOnvifCamera({ quirks, credentials: LOGIN, card, clock });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const signal = new AbortController().signal;
  const session = await openSession({ url: camera.url, ...LOGIN, signal, clock: { ...systemClock, wallMs } });
  const pictures = card.units.filter((one) => one.track === 0 && (one.unixMs >= startMs || earlier.includes(one)));
  const playback: Pick<Playback, 'video'> = {
    async *video(_path, { fromUs, toUs }) {
      const some = pictures.filter(
        ({ unixMs }) => unixMs * 1_000 >= fromUs && unixMs * 1_000 < toUs && isOther !== 'none',
      );
      const track = card.tracks[0];
      const data = some.map((one) => Buffer.concat([withoutSets(one.data), Buffer.alloc(isOther ? 1 : 0)]));
      yield { track, timesUs: some.map(({ unixMs }) => unixMs * 1_000), data, isFetched: fetched !== undefined };
    },
  };
  const got: { second: number; hash: string; isVideo: boolean }[] = [];
  const files: string[] = [];
  const recorder = () => {
    const collecting = {
      state: { kind: 'idle' },
      dropped: { 'slow disk': 0 },
      start: (stream: Parameters<Recorder['start']>[0]) => {
        files.push(stream.tracks.map(({ codec }) => codec).join());
        stream.addReader(
          {
            id: 'test',
            onSample: (index, { wall, data }) =>
              got.push({ second: (wall - startMs) / 1_000, hash: digest(data), isVideo: index === 0 }),
            onTrack: () => {},
            onEnd: () => {},
          },
          false,
        );
      },
      stop: async () => {},
    };
    return collecting as unknown as Recorder;
  };
  const [startUs, endUs] = [from, until].map((second) => (startMs + second * 1_000) * 1_000) as [number, number];
  const fetchAll = async (signal: AbortSignal, gap: UsRange = { startUs, endUs }, limit?: number) => {
    const place = { path: 'door', session, clock };
    const listed = await listGap({ ...place, gap }, signal, limit);
    const got = await fetchGap(
      {
        ...{ ...place, playback, recorder, hasSameStream: fetched === 'same', mustMatch },
        ...{ hasSound: true, fingerprint: '', camera: { onvif: camera.url, ...LOGIN } },
        maxBytesPerSecond: () => 1 << 30,
      },
      listed,
      signal,
    );
    return { got, asked: askedOf(listed, got.beginMs) };
  };
  const run = async (signal = new AbortController().signal) => (await inSteps(clock, fetchAll(signal))).got;
  /** The whole gap, of a card of which fewer recordings are read than it lists. @returns in how many parts */
  const runInParts = async (limit: number) => {
    let parts = 0;
    for (let gap = { startUs, endUs }; gap.endUs > startUs; parts += 1) {
      const { asked } = await inSteps(clock, fetchAll(new AbortController().signal, gap, limit));
      gap = { startUs, endUs: asked.startUs };
    }
    return parts;
  };
  /** Pictures of these whole seconds of the card, once each, in their order. */
  const expected = (fromSecond: number, untilSecond: number) =>
    pictures
      .map(({ unixMs, data }) => ({ second: (unixMs - startMs) / 1_000, hash: digest(withoutSets(data)) }))
      .filter(({ second }) => second >= fromSecond && second < untilSecond);
  const shown = () => got.filter(({ isVideo }) => isVideo).map(({ second, hash }) => ({ second, hash }));
  return { run, runInParts, expected, shown, got, files, camera };
}

const rounded = (all: readonly { second: number; hash: string }[]) =>
  all.map(({ second, hash }) => [Number(second.toFixed(2)), hash]);

test('the whole groups of a gap come once, in their order, with their times and their sound', async () => {
  const { run, expected, shown, got, files } = await openGap();
  expect(await run()).toMatchObject({ groups: 9, differenceMs: expect.closeTo(0, 0) });
  expect(rounded(shown())).toEqual(rounded(expected(21, 30)));
  const sounds = got.filter(({ isVideo }) => !isVideo);
  expect(sounds.length).toBeGreaterThan(440);
  expect(files).toEqual(['h264,g711']);
});

test.for<[string, Setup]>([
  ['the card states local time as UTC', { quirks: { cardZoneMs: 2 * HOUR_MS } }],
  ['the zone is behind UTC', { quirks: { cardZoneMs: -3.5 * HOUR_MS } }],
  ['the clock of the camera is wrong', { quirks: { clockOffsetMs: 47_000 } }],
  ['the clock on the card is some seconds off', { quirks: { cardZoneMs: 2_700 } }],
  [
    'more comes than is held until its clock is known',
    { quirks: { cardZoneMs: 7_000 }, large: [0, 22], largeBytes: 200_000 },
  ],
  ['the card lists files that overlap', { quirks: { cardFiles: { everyMs: 4_000, overlapMs: 1_500 } } }],
  ['the results of the search come in pages', { quirks: { cardFiles: { everyMs: 4_000, overlapMs: 0 }, cardPage: 2 } }],
  ['the times of the recordings are not listed', { quirks: { cardListsNoTimes: 'at all' } }],
  ['the card has main and sub stream under one source', { quirks: { cardStream: 'main, sub' } }],
  ['the sub stream under the same source is listed first', { quirks: { cardStream: 'sub, main' } }],
  [
    'main and sub stream are under one source, without times',
    { quirks: { cardStream: 'main, sub', cardListsNoTimes: 'at all' } },
  ],
  [
    'sub and main stream are under one source, without times',
    { quirks: { cardStream: 'sub, main', cardListsNoTimes: 'at all' } },
  ],
  [
    'files of both streams are under one source',
    { quirks: { cardStream: 'sub, main', cardFiles: { everyMs: 4_000, overlapMs: 500 } } },
  ],
  ['the replay ignores the wanted pace', { quirks: { replayPace: 15 } }],
  ['Immediate is not supported', { quirks: { replayLacks: ['Immediate'] } }],
  [
    'the zone of its clock has changed since',
    {
      quirks: { cardZoneMs: HOUR_MS, cardClockChange: { atMs: startMs + 50_000, byMs: -HOUR_MS } },
    },
  ],
  [
    'its clock is set back soon after the gap',
    { quirks: { cardZoneMs: HOUR_MS, cardClockChange: { atMs: startMs + 35_000, byMs: -HOUR_MS } } },
  ],
  [
    'its clock is put forward soon after the gap',
    { quirks: { cardZoneMs: -HOUR_MS, cardClockChange: { atMs: startMs + 35_000, byMs: HOUR_MS } } },
  ],
])('a gap is filled where %s', async ([, setup]) => {
  const { run, expected, shown } = await openGap(setup);
  await run();
  expect(rounded(shown())).toEqual(rounded(expected(21, 30)));
});

test.for<[string, Quirks]>([
  ['oldest first', {}],
  ['newest first', { cardNewestFirst: true }],
])(
  'of a card that lists more recordings than are read, %s, only the end of a gap is known to be listed',
  async ([, quirks]) => {
    const card = filledCard({ fromMs: startMs - 500 * HOUR_MS, seconds: 1 });
    card.units.push(...filledCard({ fromMs: startMs, seconds: 1 }).units);
    const camera = await startOnvifCamera({
      quirks: { cardFiles: { everyMs: HOUR_MS, overlapMs: 0 }, cardPage: 64, ...quirks },
      ...{ credentials: LOGIN, card, clock: systemClock },
    });
    onTestFinished(() => camera[Symbol.asyncDispose]());
    const { signal } = new AbortController();
    const session = await openSession({ url: camera.url, ...LOGIN, signal });
    const hoursOf = async (from: number, until: number, limit: number) => {
      const [startUs, endUs] = [from, until].map((hours) => (startMs - hours * HOUR_MS) * 1_000) as [number, number];
      const { gap } = await listGap(
        { path: 'door', session, clock: systemClock, gap: { startUs, endUs } },
        signal,
        limit,
      );
      expect(gap.endUs).toBe(endUs);
      return (startMs - gap.startUs / 1_000) / HOUR_MS;
    };
    // An hour less, since the clock of the card may be another one; files have an hour.
    const isAbout = (hours: number) => expect.closeTo(hours - 1, -0.7);
    expect([await hoursOf(300, 100, 60), await hoursOf(110, 100, 60), await hoursOf(300, 1, 60)]).toEqual([
      isAbout(100 + 30 - 1),
      110,
      isAbout(1 + 60 - 1),
    ]);
    await expect(hoursOf(300, 100, 2)).rejects.toThrow('more recordings than can be read');
    // Parts of a quarter of an hour would cost more in listings than they bring.
    await expect(hoursOf(300, 99.75, 3)).rejects.toThrow('more recordings than can be read');
    expect(await hoursOf(300, 99.75, 4)).toBeCloseTo(100.5, 1);
    expect(await hoursOf(99.9, 99.75, 3)).toBeCloseTo(99.9, 5);
  },
);

test.for<[string, number, number]>([
  ['', 20, 10.6],
  [', where the card has nothing else of the newer part', 10, 0],
])('the group of pictures across the cut of a gap comes once%s', async ([, seconds, until]) => {
  // Six files of 50 minutes, the newest of which has just begun, less the hour by which the clock of the card may be off.
  const cutMs = startMs - 250 * 60_000 + HOUR_MS;
  const { runInParts, expected, shown } = await openGap({
    quirks: { cardFiles: { everyMs: 50 * 60_000, overlapMs: 0 } },
    before: [
      { fromMs: startMs - 20 * HOUR_MS, seconds: 1 },
      { fromMs: cutMs - 7_500, seconds },
    ],
    gap: [-4 * 3_600, until],
  });
  expect(await runInParts(6)).toBe(2);
  const hashes = shown()
    .toSorted((a, b) => a.second - b.second)
    .map(({ hash }) => hash);
  expect(hashes).toEqual(expected(-4 * 3_600, until - 0.6).map(({ hash }) => hash));
});

test('groups of pictures above 32 MB are left out and counted', async () => {
  const { run, expected, shown } = await openGap({ large: [24, 25] });
  expect(await run()).toMatchObject({ groups: 8, tooLarge: 1 });
  expect(rounded(shown())).toEqual(rounded([...expected(21, 24), ...expected(25, 30)]));
});

test('a card without sound fills the gap with pictures', async () => {
  const { run, expected, shown, files } = await openGap({ quirks: { cardHasNoSound: true } });
  await run();
  expect(rounded(shown())).toEqual(rounded(expected(21, 30)));
  expect(new Set(files)).toEqual(new Set(['h264']));
});

const SET_BACK: Setup = {
  quirks: { cardZoneMs: 25_000, cardClockChange: { atMs: startMs + 49_000, byMs: -25_000 } },
  gap: [40.35, 48.6],
};

test.for<[string, Setup]>([
  ['some seconds, within the replay', SET_BACK],
  [
    'some seconds, and what follows came from the card, which has the stream that is recorded',
    { ...SET_BACK, fetched: 'same' },
  ],
  [
    'an hour: at the same time of the card it has other pictures',
    {
      quirks: { cardZoneMs: HOUR_MS, cardClockChange: { atMs: startMs + 35_000, byMs: -HOUR_MS } },
      hasHourBefore: true,
    },
  ],
])(
  'where only what follows a gap is equal, since the clock was set back by %s, nothing is taken',
  async ([, setup]) => {
    const { run, shown } = await openGap(setup);
    await expect(run()).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('the clock of its card was set around the gap'),
    });
    expect(shown()).toEqual([]);
  },
);

test('where only what came from the card itself follows a gap, that it is equal proves nothing', async () => {
  const { run, shown } = await openGap({ ...SET_BACK, fetched: 'any' });
  expect(await run()).toMatchObject({ differenceMs: undefined });
  expect(shown().length).toBeGreaterThan(0);
});

test.for(['none', 'stream'] as const)(
  'where no picture is equal, as with another codec, the clock of the camera is believed: %s',
  async (isOther) => {
    const large = { large: [0, 22], largeBytes: 200_000 } as const;
    const { run, expected, shown } = await openGap({ isOther, quirks: { clockOffsetMs: 20_000 }, ...large });
    expect(await run()).toMatchObject({ differenceMs: undefined });
    // ONVIF has the time in whole seconds.
    const seconds = shown().map(({ second }) => second);
    expect(Math.min(...seconds)).toBeGreaterThan(20.2);
    expect(Math.max(...seconds)).toBeLessThan(30.7);
    const known = new Set(expected(19, 32).map(({ hash }) => hash));
    expect(shown().every(({ hash }) => known.has(hash))).toBe(true);
  },
);

test.for([20, 180])(
  'a gap is filled from a card that records, and had nothing to record for %i minutes',
  async (minutes) => {
    const { run, expected, shown } = await openGap({ laterMs: minutes * 60_000 });
    await run();
    expect(rounded(shown())).toEqual(rounded(expected(21, 30)));
  },
);

test('where the times of the card are in doubt and no picture is equal, nothing is taken', async () => {
  const { run, shown } = await openGap({ isOther: 'none', quirks: { cardZoneMs: 2 * HOUR_MS } });
  await expect(run()).rejects.toMatchObject({ code: 'unsupported' });
  expect(shown()).toEqual([]);
});

test('of a time when there may have been another camera nothing is taken without an equal picture', async () => {
  const { run, shown } = await openGap({ isOther: 'stream', mustMatch: true });
  await expect(run()).rejects.toMatchObject({ code: 'unsupported', context: { isInDoubt: true } });
  expect(shown()).toEqual([]);
  const own = await openGap({ mustMatch: true });
  await own.run();
  expect(rounded(own.shown())).toEqual(rounded(own.expected(21, 30)));
});

test.for<[string, Quirks, number]>([
  ['all of its recording', { replayBeginsLateMs: 16_000 }, 2],
  ['each of its files', { replayBeginsLateMs: 16_000, cardFiles: { everyMs: 25_000, overlapMs: 0 } }, 3],
])('a camera that begins the replay of %s late is asked once more, earlier by that', async ([, quirks, asked]) => {
  const { run, expected, shown, camera } = await openGap({ quirks });
  await run();
  expect(rounded(shown())).toEqual(rounded(expected(21, 30)));
  expect(camera.operations.filter((one) => one === 'GetReplayUri')).toHaveLength(asked);
});

test('a recording that begins within the gap is not late: what it has is fetched', async () => {
  const { run, expected, shown } = await openGap({
    gap: [-20.35, 15.6],
    quirks: { cardListsNoTimes: 'but of tracks' },
  });
  await run();
  expect(rounded(shown())).toEqual(rounded(expected(0, 15)));
});

test('the live stream has priority: a camera with one session refuses, and the next attempt fills the gap', async () => {
  const { run, expected, shown } = await openGap({ quirks: { replaysRefused: 1 } });
  await expect(run()).rejects.toMatchObject({ code: 'exhausted' });
  await run();
  expect(rounded(shown())).toEqual(rounded(expected(21, 30)));
});

test('a connection that breaks leaves whole groups', async () => {
  const { run, expected, shown } = await openGap({ quirks: { replayBreaks: { afterPictures: 185, times: 1 } } });
  await expect(run()).rejects.toMatchObject({ code: 'unavailable' });
  const whole = shown().length / 10;
  expect(Number.isInteger(whole)).toBe(true);
  expect(whole).toBeGreaterThan(2);
  expect(rounded(shown())).toEqual(rounded(expected(21, 21 + whole)));
});

test('a camera that stops sending is asked for the rest', async () => {
  const { run, expected, shown } = await openGap({ quirks: { replayStalls: [165, 25, 25] } });
  await run();
  expect(rounded(shown())).toEqual(rounded(expected(21, 30)));
});

test('where it stops at another picture each time, the gap is not over', async () => {
  const { run, expected, shown } = await openGap({ quirks: { replayStalls: [165, 3, 4, 5] } });
  await expect(run()).rejects.toMatchObject({ code: 'timeout' });
  const all = shown();
  expect(all.length / 10).toBeOneOf([2, 3]);
  expect(rounded(all)).toEqual(rounded(expected(21, 30)).slice(0, all.length));
});

test('where it stops at the same picture three times, it has no more', async () => {
  const { run, expected, shown } = await openGap({ quirks: { replayStalls: [165, 12, 12, 12] } });
  await run();
  const all = shown();
  expect(all.length % 10).toBe(2);
  expect(rounded(all)).toEqual(rounded(expected(21, 30)).slice(0, all.length));
});

test('a camera that ends its replays without a word is not asked twice for what has come', async () => {
  const quirks: Quirks = { replayEndsSilently: true, cardFiles: { everyMs: 26_500, overlapMs: 0 } };
  const { run, expected, shown, camera } = await openGap({ quirks });
  await run();
  expect(rounded(shown()).slice(0, 50)).toEqual(rounded(expected(21, 26)));
  expect(rounded(shown()).slice(-30)).toEqual(rounded(expected(27, 30)));
  expect(camera.operations.filter((one) => one === 'GetReplayUri')).toHaveLength(2);
});

test.for<[string, number[]]>([
  ['once', [155]],
  ['each time', [155, 15]],
])('a group that comes damaged is asked for again; what is damaged %s', async ([times, replayLoses]) => {
  const { run, expected, shown } = await openGap({ quirks: { replayLoses } });
  await run();
  const all = rounded(shown());
  const whole = rounded(expected(21, 30));
  const missing = whole.filter(([second]) => !all.some(([other]) => other === second));
  expect(all).toEqual(whole.filter((one) => !missing.includes(one)));
  expect(missing.length > 0).toBe(times === 'each time');
});

test('a gap for which the camera refuses the range is over, also where its clock is in doubt', async () => {
  const { run, shown, camera } = await openGap({ quirks: { replayAnswers: 457, cardZoneMs: 2 * HOUR_MS } });
  expect(await run()).toMatchObject({ groups: 0, seconds: 0 });
  expect(shown()).toEqual([]);
  expect(camera.operations.filter((one) => one === 'GetReplayUri')).toHaveLength(1);
});

test('a camera that sends nothing of what it lists may do so later: the gap is over after a day', async () => {
  const quirks = { replaySendsNothing: true, cardZoneMs: 2 * HOUR_MS };
  const { run, shown, camera } = await openGap({ quirks });
  await expect(run()).rejects.toThrow('the camera lists recordings of the gap, but sends nothing of them');
  expect(camera.operations.filter((one) => one === 'GetReplayUri')).toHaveLength(3);
  const later = await openGap({ quirks, laterMs: 25 * HOUR_MS });
  expect(await later.run()).toMatchObject({ groups: 0, seconds: 0 });
  expect([shown(), later.shown()]).toEqual([[], []]);
});

test('a login that the camera refuses is not sent again and again: that would lock the account', async () => {
  const { run, camera } = await openGap({ quirks: { rejectsStreamLogin: true } });
  for (let i = 0; i < 6; i += 1) {
    await expect(run()).rejects.toMatchObject({ code: 'unauthorized' });
  }
  const logins = camera.state.replayRequests.filter(({ fields }) => fields.some(([name]) => name === 'Authorization'));
  expect(logins).toHaveLength(1);
});

test('a file that is still open is no end: its gap is asked for until it is listed, a day at most', async () => {
  const quirks: Quirks = { cardFiles: { everyMs: 25_000, overlapMs: 0 }, cardListsClosedFiles: true };
  const { run, expected, shown } = await openGap({ quirks, gap: [40.35, 55.6] });
  await expect(run()).rejects.toThrow('does not list recordings up to the end of the gap yet');
  expect(rounded(shown()).slice(0, 90)).toEqual(rounded(expected(41, 50)));
  const later = await openGap({ quirks, gap: [50.35, 55.6], laterMs: 24 * HOUR_MS });
  expect(await later.run()).toMatchObject({ groups: 0 });
});

test('a gap of which the card has nothing is over', async () => {
  const { run, shown } = await openGap({ gap: [-500, -400] });
  expect(await run()).toEqual({ groups: 0, seconds: 0, differenceMs: undefined, tooLarge: 0, groupMs: 0 });
  expect(shown()).toEqual([]);
});
