import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../../../test/onvif-camera/camera.ts';
import { filledCard } from '../../../../test/onvif-camera/card/filled-card.ts';
import type { SdCard } from '../../../../test/onvif-camera/card/sd-card.ts';
import type { Quirks } from '../../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { type ReplayEnd, type ReplayOptions, replayRecording } from './replay.ts';
import type { ReplayTrack } from './replay-track.ts';

const LOGIN = { user: 'admin', password: 'pässword' };
const START_MS = Date.UTC(2026, 2, 1, 12);
const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

interface Got {
  readonly ms: number;
  readonly isVideo: boolean;
  readonly isKey: boolean;
  readonly hash: string;
}

async function openCamera(
  quirks: Quirks = {},
  card: SdCard = filledCard({ fromMs: START_MS, seconds: 20 }),
  clock: Clock = systemClock,
) {
  const camera = await startOnvifCamera({ quirks, credentials: LOGIN, card, clock });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return { camera, card };
}

/** What a replay delivers, with the camera's times. @param isBehind of its owner, who has got so many units @param wanted units */
async function replay(
  camera: OnvifCamera,
  changes: Partial<ReplayOptions> = {},
  isBehind = (_units: number): boolean => false,
  wanted = Number.POSITIVE_INFINITY,
): Promise<{ got: Got[]; end: ReplayEnd; holes: number }> {
  const got: Got[] = [];
  let holes = 0;
  const output = {
    get isDone() {
      return got.length >= wanted;
    },
    get isBehind() {
      return isBehind(got.length);
    },
    onTrack: () => {},
    onDamage: () => {},
    onUnit: ({ times, isVideo }: ReplayTrack, pts: number, _dts: number, isKey: boolean, data: Uint8Array) => {
      got.push({ ms: times.unixMsOf(pts), isVideo, isKey, hash: digest(data) });
    },
    onHole: () => {
      holes += 1;
    },
  };
  const options: ReplayOptions = {
    ...{ name: 'cam', url: `rtsp://127.0.0.1:${camera.state.replayPort}/replay/RECORDING_1`, ...LOGIN },
    ...{ hasSound: true, fromMs: START_MS + 5_500, untilMs: START_MS + 12_000 },
    ...{ maxBytesPerSecond: () => 10 << 20, clock: systemClock },
    ...changes,
  };
  const end = await replayRecording(options, output, new AbortController().signal);
  return { got, end, holes };
}

/** Pictures of the card in these seconds, without their parameter sets, as samples have them. */
function picturesOf(card: SdCard, fromSeconds: number, untilSeconds: number): [number, string][] {
  return card.units
    .filter(({ track, unixMs }) => {
      const seconds = (unixMs - START_MS) / 1_000;
      return track === 0 && seconds >= fromSeconds && seconds <= untilSeconds;
    })
    .map(({ unixMs, data }) => [unixMs, digest(withoutSets(data))]);
}

function withoutSets(unit: Uint8Array): Uint8Array {
  const view = Buffer.from(unit);
  let at = 0;
  while ([7, 8].includes((view[at + 4] ?? 0) & 0x1f)) {
    at += 4 + view.readUInt32BE(at);
  }
  return view.subarray(at);
}

const pictures = (got: readonly Got[]) => got.filter(({ isVideo }) => isVideo);

test('a replay delivers the pictures of the card with their times, from the key picture before its begin', async () => {
  const { camera, card } = await openCamera();
  const { got, end } = await replay(camera);
  expect(end).toBe('complete');
  const shown = pictures(got);
  expect(shown.map(({ ms, hash }) => [Math.round(ms), hash])).toEqual(picturesOf(card, 5, 12));
  expect(shown[0]?.isKey).toBe(true);
  const sounds = got.filter(({ isVideo }) => !isVideo);
  expect(sounds.length).toBeGreaterThan(300);
  for (const [i, { ms }] of sounds.entries()) {
    expect(ms).toBeCloseTo((sounds[0]?.ms ?? 0) + 20 * i, 3);
  }
});

test('PLAY asks for the time in UTC, at the pace of the client', async () => {
  const { camera } = await openCamera();
  await replay(camera);
  const { fields = [] } = camera.state.replayRequests.find(({ method }) => method === 'PLAY') ?? {};
  expect(Object.fromEntries(fields)).toMatchObject({
    Require: 'onvif-replay',
    Range: 'clock=20260301T120005.500Z-20260301T120012.000Z',
    'Rate-Control': 'no',
    Immediate: 'yes',
  });
});

test.for<[string, Quirks, number]>([
  ['Immediate is not supported', { replayLacks: ['Immediate'] }, 2],
  ['Rate-Control is not supported', { replayLacks: ['Immediate', 'Rate-Control'] }, 3],
  ['the feature tag is not known', { replayLacks: ['Require'], replayTimes: 'always' }, 4],
  ['the extension is only on the first packet of a picture', { replaySparesExtension: true }, 1],
  ['the replay is faster than asked', { replayPace: 20 }, 1],
  ['sound is missing', { cardHasNoSound: true }, 1],
])('all pictures come where %s', async ([, quirks, plays]) => {
  const { camera, card } = await openCamera(quirks);
  const { got, end } = await replay(camera);
  expect(end).toBe('complete');
  expect(pictures(got).map(({ hash }) => hash)).toEqual(picturesOf(card, 5, 12).map(([, hash]) => hash));
  expect(camera.state.replayRequests.filter(({ method }) => method === 'PLAY')).toHaveLength(plays);
});

test.for<[string, Quirks]>([
  ['does not know the feature tag', { replayLacks: ['Require'] }],
  ['ends its replay without a word', { replayTimes: 'never', replayEndsSilently: true }],
  ['replays for long', { replayTimes: 'never', replayPace: 8 }],
])('a replay without the times of its pictures is no empty one, where the camera %s', async ([, quirks]) => {
  const { camera } = await openCamera(quirks, filledCard({ fromMs: START_MS, seconds: 60 }));
  const clock = { ...systemClock, monoMs: () => 8 * systemClock.monoMs() };
  const startMs = clock.monoMs();
  await expect(replay(camera, { clock, untilMs: START_MS + 60_000 })).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringContaining('without their times'),
  });
  expect(clock.monoMs() - startMs).toBeLessThan(20_000);
});

test('a replay that ends without a word is over after eight seconds of silence', async () => {
  const { camera, card } = await openCamera({ replayEndsSilently: true });
  const clock = { ...systemClock, monoMs: () => 8 * systemClock.monoMs() };
  const { got, end } = await replay(camera, { clock });
  expect(end).toBe('silent');
  // The end of the last picture is not known without a packet after it, or its marker.
  expect(pictures(got).map(({ hash }) => hash)).toEqual(picturesOf(card, 5, 12).map(([, hash]) => hash));
});

test('frames before the answer to PLAY do not hold the answer up', async () => {
  const { camera, card } = await openCamera({ replayHastens: 30_000 });
  const { got, end } = await replay(camera, { maxBytesPerSecond: () => 1 << 20 });
  expect(end).toBe('complete');
  expect(pictures(got).map(({ hash }) => hash)).toEqual(picturesOf(card, 5, 12).map(([, hash]) => hash));
});

test.for([404, 457])('a camera that answers PLAY with %i has nothing there', async (status) => {
  const { camera } = await openCamera({ replayAnswers: status });
  expect(await replay(camera)).toMatchObject({ end: 'nothing', got: [] });
  expect(camera.state.replayRequests.filter(({ method }) => method === 'PLAY')).toHaveLength(1);
});

test('a replay of which nothing comes is over after half a minute', async () => {
  const { camera } = await openCamera({ replaySendsNothing: true });
  const startMs = systemClock.monoMs();
  const clock = { ...systemClock, monoMs: () => 20 * systemClock.monoMs() };
  expect(await replay(camera, { clock })).toMatchObject({ end: 'silent', got: [] });
  expect(systemClock.monoMs() - startMs).toBeGreaterThanOrEqual(1_500);
});

test('a range that begins late has the times of its pictures', async () => {
  const { camera, card } = await openCamera({ replayBeginsLateMs: 3_000 });
  const { got } = await replay(camera);
  expect(pictures(got).map(({ ms, hash }) => [Math.round(ms), hash])).toEqual(picturesOf(card, 8, 12));
});

test('a clock that is set by an hour during the recording does not move the pictures after it', async () => {
  const change = { atMs: START_MS + 8_000, byMs: -3_600_000 };
  const { camera, card } = await openCamera({ cardZoneMs: 7_200_000, cardClockChange: change });
  const zoneMs = 7_200_000;
  const { got } = await replay(camera, { fromMs: START_MS + zoneMs + 5_500, untilMs: START_MS + zoneMs + 12_000 });
  expect(pictures(got).map(({ ms, hash }) => [Math.round(ms) - zoneMs, hash])).toEqual(picturesOf(card, 5, 20));
});

test('a second session that the camera does not have is refused with its status', async () => {
  const { camera } = await openCamera({ replaysRefused: 1 });
  await expect(replay(camera)).rejects.toMatchObject({ code: 'exhausted', context: { status: 453 } });
});

test.for(['DESCRIBE', 'SETUP', 'PLAY'] as const)(
  'a camera that redirects %s to another host is refused, and that host is not connected to',
  async (method) => {
    let connections = 0;
    const other = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const location = `rtsp://127.0.0.1:${(other.address() as AddressInfo).port}/replay/RECORDING_1`;
    const { camera } = await openCamera({ replayRedirects: { method, location } });
    await expect(replay(camera)).rejects.toMatchObject({
      message: expect.stringContaining(method === 'DESCRIBE' ? 'redirects to another address' : '302'),
    });
    expect(connections).toBe(0);
  },
);

test('a connection that breaks rejects', async () => {
  const { camera } = await openCamera({ replayBreaks: { afterPictures: 20, times: 1 } });
  await expect(replay(camera)).rejects.toMatchObject({ code: 'unavailable' });
});

test('a wrong password is named', async () => {
  const { camera } = await openCamera();
  await expect(replay(camera, { password: 'wrong' })).rejects.toMatchObject({ code: 'unauthorized' });
});

test('the camera is read no faster than the limit allows', async () => {
  const { camera, card } = await openCamera({}, filledCard({ fromMs: START_MS, seconds: 60 }));
  const bytes = card.units.reduce((sum, { data }) => sum + data.length, 0);
  const startMs = systemClock.monoMs();
  const { got } = await replay(camera, {
    fromMs: START_MS,
    untilMs: START_MS + 60_000,
    maxBytesPerSecond: () => bytes / 3,
  });
  expect(pictures(got)).toHaveLength(600);
  expect(systemClock.monoMs() - startMs).toBeGreaterThan(2_000);
});

test('nothing more is read while the owner of the replay is behind', async () => {
  const { camera } = await openCamera({}, filledCard({ fromMs: START_MS, seconds: 60 }));
  const counts: number[] = [];
  const { got, end } = await replay(camera, { fromMs: START_MS, untilMs: START_MS + 60_000 }, (units) => {
    const isBehind = units >= 20 && counts.length < 10;
    counts.push(...(isBehind ? [units] : []));
    return isBehind;
  });
  expect(end).toBe('complete');
  expect(pictures(got)).toHaveLength(600);
  // It is asked twice at a frame, then at ticks.
  expect(new Set(counts.slice(2)).size).toBe(1);
  expect(counts[2]).toBeLessThan(got.length);
});

test('a replay is over as soon as its owner has all, not at the next tick', async () => {
  const { camera } = await openCamera({ replayPace: 20 });
  let sleeps = 0;
  const clock: Clock = {
    ...systemClock,
    // The ticks of a day: only the owner ends the replay.
    sleep: (ms, signal) => {
      sleeps += ms === 100 ? 1 : 0;
      return systemClock.sleep(ms === 100 ? 86_400_000 : ms, signal);
    },
  };
  const { got, end } = await replay(camera, { clock, maxBytesPerSecond: () => 1e9 }, () => false, 10);
  expect(end).toBe('complete');
  expect(got.length).toBeGreaterThanOrEqual(10);
  expect(sleeps).toBe(1);
});

test('an owner that stays behind for a minute has a disk that hangs', async () => {
  const { camera } = await openCamera();
  let aheadMs = 0;
  const clock = { ...systemClock, monoMs: () => systemClock.monoMs() + aheadMs };
  const end = replay(camera, { clock }, (units) => {
    aheadMs += units >= 20 ? 7_000 : 0;
    return units >= 20;
  });
  await expect(end).rejects.toThrow('the disk hangs');
  expect(aheadMs).toBeGreaterThan(60_000);
});

test('an owner that catches up only between ticks has a disk that works', async () => {
  const { camera } = await openCamera({ replayPace: 20 });
  let [aheadMs, isTick, isAsked, hasCome] = [0, false, false, false];
  let frame = Promise.withResolvers<void>();
  // A tick follows each frame, and seconds pass.
  const clock: Clock = {
    ...systemClock,
    monoMs: () => systemClock.monoMs() + aheadMs,
    sleep: async (ms, signal) => {
      await Promise.race([systemClock.sleep(ms, signal), ...(ms === 100 ? [frame.promise] : [])]);
      isTick ||= ms === 100;
    },
  };
  const { end } = await replay(camera, { clock, fromMs: START_MS, untilMs: START_MS + 20_000 }, () => {
    if (isTick) {
      isTick = false;
      aheadMs += hasCome ? 6_000 : 0;
      hasCome = false;
      frame = Promise.withResolvers();
      return true;
    }
    // It is asked at a frame, and at once again.
    isAsked = !isAsked;
    hasCome = true;
    frame.resolve();
    return isAsked;
  });
  expect(end).toBe('complete');
});

test('a card that sends no key picture is read for a quarter of an hour at most', async () => {
  const clock = new FakeClock();
  const card = filledCard({ fromMs: START_MS, seconds: 20, group: 1_000_000 });
  // A picture every five seconds: 1,000 s.
  const { camera } = await openCamera({ replayPace: 0.02 }, card, clock);
  let isOver = false;
  const end = replay(camera, { clock, untilMs: START_MS + 20_000 }).finally(() => {
    isOver = true;
  });
  void end.catch(() => {});
  while (!isOver) {
    await clock.advance(1_000);
    await systemClock.sleep(1, new AbortController().signal);
  }
  await expect(end).rejects.toThrow("the card in the camera of path 'cam' sends no key pictures");
  expect(clock.monoMs()).toBeGreaterThan(900_000);
});
