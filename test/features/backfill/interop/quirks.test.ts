import { expect, test } from 'vitest';
import type { Quirks } from '../../../onvif-camera/quirks.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import {
  eventually,
  expectMissedFilled,
  GAP,
  liveCard,
  openMissed,
  openMissedBox,
  pathLines,
  prepareOutage,
  sharedCard,
  startMissedCamera,
} from '../support/outage.ts';

/** A box asks one camera after the other. */
const LIMIT = { timeout: 120_000 };
const HOUR_MS = 3_600_000;
const LATE_MS = 16_000;
/** More than Perch waits for after a return here, and some checks of what is due. */
const LIVE_MS = 8_000;
/** Replays begin this much before the gap, so that pictures can be compared. */
const COMPARED_MS = 12_000;
/** From the begin of the gap until its clock changes: it does not find what is older. */
const CHANGE_SECONDS = 6;
const summer = (endSecond: number): Quirks => ({
  cardZoneMs: 2 * HOUR_MS,
  cardClockChange: { atMs: sharedCard().fromMs + endSecond * 1_000, byMs: -HOUR_MS },
});
const LACKING_MS: Readonly<Record<string, number>> = {
  daylight_saving_that_ends_in_the_gap: (CHANGE_SECONDS + 1) * 1_000,
};
const files = (everyMs: number, overlapMs: number): Quirks => ({ cardFiles: { everyMs, overlapMs } });

/** By path. One box for each line, which asks its cameras in turn. */
const BOXES: readonly (() => Readonly<Record<string, Quirks>>)[] = [
  () => ({
    'local time as UTC': { cardZoneMs: 2 * HOUR_MS },
    'a wrong clock': { clockOffsetMs: 47_000 },
    'recordings that overlap': files(4_000, 1_500),
    'a search in pages': { ...files(4_000, 0), cardPage: 2 },
  }),
  () => ({
    'daylight saving that has ended since': summer(GAP[1] + COMPARED_MS / 1_000 + 1),
    'daylight saving that ends in the gap': summer(GAP[0] + CHANGE_SECONDS),
    'no times in the list': { cardListsNoTimes: 'at all' },
  }),
  () => ({
    'sub and main stream under one source': { cardStream: 'sub, main' },
    'files of both streams under one source': { cardStream: 'sub, main', ...files(4_000, 500) },
  }),
  () => ({
    'no sound': { cardHasNoSound: true },
    'slower than asked for': { replayPace: 6 },
    'no Immediate': { replayLacks: ['Immediate'] },
    'no Rate-Control, no Require': { replayLacks: ['Immediate', 'Rate-Control', 'Require'], replayTimes: 'always' },
  }),
  () => ({
    'a late begin': { replayBeginsLateMs: LATE_MS },
    'replays that end without BYE': { ...files(20_000, 0), replayEndsSilently: true },
    'times only on first packets': { replaySparesExtension: true },
  }),
];

test.concurrent.for(BOXES.map((cameras) => [Object.keys(cameras()).join(', '), cameras] as const))(
  'a gap is filled once and whole from a card with %s',
  LIMIT,
  async ([, cameras], { onTestFinished }) => {
    const byPath = Object.entries(cameras()).map(([name, quirks]) => [name.replaceAll(/\W+/g, '_'), quirks] as const);
    const { missed, host, isOver } = await openMissed(onTestFinished, Object.fromEntries(byPath));
    for (const one of missed) {
      await eventually(async () => (await isOver(one.path)) || undefined);
      await expectMissedFilled(host, one, LACKING_MS[one.path]);
    }
  },
);

test.concurrent(
  'a camera with one session gives it to the live stream: it is asked again, and loses no live picture',
  LIMIT,
  async ({ onTestFinished }) => {
    const { missed, host, itemOf, isOver, skip } = await openMissed(onTestFinished, { door: { replaysRefused: 1 } });
    await eventually(async () => (await itemOf('door')).error?.includes('453') || undefined);
    const stream = host.paths.find('door');
    skip(61_000);
    await eventually(async () => (await isOver('door')) || undefined);
    expect(host.paths.find('door')).toMatchObject({ readyTime: stream?.readyTime, recording: { active: true } });
    await expectMissedFilled(host, missed[0] ?? expect.fail('no camera'));
  },
);

test.concurrent(
  'a camera whose only session the live stream has loses no live picture, and says why its gap stays',
  LIMIT,
  async ({ onTestFinished }) => {
    const { missed, host, itemOf, skip } = await openMissed(onTestFinished, { door: { oneSession: 'refuses' } });
    const readyTime = await eventually(() => host.paths.find('door')?.readyTime ?? undefined);
    for (let i = 0; i < 2; i += 1) {
      await eventually(async () => (await itemOf('door')).retryTime ?? undefined);
      expect(await itemOf('door')).toMatchObject({ gaps: 1, error: expect.stringContaining('453') });
      skip(61_000);
    }
    expect(host.paths.find('door')).toMatchObject({ readyTime, recording: { active: true } });
    expect(missed[0]?.camera.state.livePlayed).toBe(1);
  },
);

test.concurrent(
  'where a replay ends the live stream, that has priority: the fetch stops, and is tried again minutes later',
  LIMIT,
  async ({ onTestFinished }) => {
    const quirks: Quirks = { oneSession: 'endsLive', replayPace: 2 };
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const door = await startMissedCamera(onTestFinished, 'door', quirks, liveCard(onTestFinished));
    const { recordPath, dataDir } = await prepareOutage(folder.path, [door]);
    const { host, itemOf, skip } = await openMissedBox(onTestFinished, dataDir, pathLines(door, recordPath));
    const { state } = door.camera;
    const status = () => host.paths.find('door');
    const plays = () => state.replayRequests.filter(({ method }) => method === 'PLAY').length;
    await eventually(() => plays() > 0 || undefined);
    const { readyTime: endedTime } = status() ?? {};
    await eventually(() => state.replayed === 0 || undefined);
    const liveTime = await eventually(() => {
      const { readyTime, recording } = status() ?? {};
      return (recording?.active && readyTime !== endedTime && readyTime) || undefined;
    });
    const before = plays();
    await eventually(() => Date.now() - Date.parse(liveTime) > LIVE_MS || undefined);
    expect([plays(), status()?.readyTime]).toEqual([before, liveTime]);
    expect(await itemOf('door')).toMatchObject({ fetching: null, state: 'waiting' });
    skip(2 * 60_000);
    await eventually(() => plays() > before || undefined);
  },
);

test.concurrent(
  'a gap of a card that replays without times stays, and the camera says why',
  LIMIT,
  async ({ onTestFinished }) => {
    const { itemOf, skip } = await openMissed(onTestFinished, { door: { replayLacks: ['Require'] } });
    for (let i = 0; i < 2; i += 1) {
      await eventually(async () => (await itemOf('door')).retryTime ?? undefined);
      expect(await itemOf('door')).toMatchObject({ gaps: 1, error: expect.stringContaining('without their times') });
      skip(61_000);
    }
  },
);

test.concurrent(
  'a camera that sends faster than asked for is read no faster than backfillMaxRate',
  LIMIT,
  async ({ onTestFinished }) => {
    const rate = 100_000;
    const { missed, host, itemOf, isOver } = await openMissed(
      onTestFinished,
      { door: {} },
      () => `    backfillMaxRate: ${rate / 1_000}K\n`,
    );
    const [door = expect.fail('no camera')] = missed;
    await eventually(async () => (await itemOf('door')).state === 'fetching' || undefined);
    const startMs = performance.now();
    await eventually(async () => (await isOver('door')) || undefined);
    const [fromMs, untilMs] = GAP.map((second) => door.fromMs + second * 1_000);
    const bytes = door.card.units
      .filter(({ unixMs }) => unixMs > (fromMs ?? 0) && unixMs < (untilMs ?? 0))
      .reduce((sum, { data }) => sum + data.length, 0);
    expect(performance.now() - startMs).toBeGreaterThan((0.8 * 1_000 * bytes) / rate);
    await expectMissedFilled(host, door);
  },
);
