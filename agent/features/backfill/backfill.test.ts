import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CARD_SECONDS, openService } from '../../../test/features/backfill/support/service.ts';
import { enlarge } from '../../../test/onvif-camera/card/filled-card.ts';
import { SERVER_USER } from '../../auth/pairing/paired-servers.ts';
import { silentLogger } from '../../base/log.ts';
import { FetchMark } from '../../recordings/fetch-mark.ts';

/** Seconds before now: an outage, and recordings on both sides of it. */
const AROUND = [
  [CARD_SECONDS, 60],
  [40, 0],
] as const;
const HOUR_MS = 3_600_000;
const OUTAGE = [['offline', 60, 40]] as const;

test.for(['offline', 'boxOff', 'diskFull', 'diskAway', 'diskFault'])('a gap by %s is filled, once', async (type) => {
  const { until, pass, state, item, asked } = await openService({ recorded: AROUND, reasons: [[type, 60, 40]] });
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
  expect(Math.max(...state.got)).toBeLessThanOrEqual(60);
  expect(Math.min(...state.got)).toBeGreaterThanOrEqual(40);
  expect(new Set(state.got).size).toBe(state.got.length);
  await pass(120);
  expect([item()?.state, asked(), item()?.unfilled]).toEqual(['idle', 1, { notOnCard: 0, inDoubt: 0 }]);
});

test.for(['private', 'paused', 'recordingOff', 'nothingSeen', 'clockSet'])(
  'a gap by %s is never fetched',
  async (type) => {
    const { pass, asked, item } = await openService({ recorded: AROUND, reasons: [[type, 60, 40]] });
    await pass(180);
    expect(asked('GetRecordingSummary')).toBeGreaterThan(0);
    expect([asked(), item()?.gaps]).toEqual([0, 0]);
  },
);

test('groups of pictures above 32 MB are in the list, and once in the log, with path and camera', async () => {
  const { card, camera, clock, until, item, lines } = await openService({ recorded: AROUND, reasons: OUTAGE });
  // Groups have five pictures.
  enlarge(card, clock.wallMs() - 52_000, clock.wallMs() - 50_000, 8_000_000);
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 12)).toBe(true);
  expect(item()?.tooLarge).toBeGreaterThan(0);
  const said = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg.includes('above 32 MB'));
  expect(said).toMatchObject([{ path: 'door', camera: new URL(camera.url).hostname, groups: item()?.tooLarge }]);
});

test('a gap that always fails does not hold up the older ones', async () => {
  const { state, until, item, asked } = await openService({
    recorded: [
      [CARD_SECONDS, 100],
      [80, 60],
      [40, 0],
    ],
    reasons: [
      ['offline', 100, 80],
      ['offline', 60, 40],
    ],
  });
  state.lost = [60, 40];
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
  expect(Math.max(...state.got)).toBeLessThanOrEqual(100);
  expect(Math.min(...state.got)).toBeGreaterThanOrEqual(80);
  // The newer one is tried on, ever more rarely.
  const before = asked();
  expect(await until(() => asked() > before + 1)).toBe(true);
  expect(await until(() => typeof item()?.retryTime === 'string')).toBe(true);
  expect(item()).toMatchObject({ gaps: 1, error: 'the disk is gone', waitsFor: null });
});

test.for<[string, string, number, string | undefined]>([
  ['backfill: no', '    backfill: no\n', 0, 'off'],
  ['hours that are over', '    backfillHours: 13:00-14:00\n', 1, 'hours'],
])('with %s nothing is fetched', async ([, keys, times, why]) => {
  const { pass, asked, item } = await openService({ recorded: AROUND, reasons: OUTAGE, keys });
  await pass(180);
  expect([asked('GetServices'), asked(), item()?.waitsFor]).toEqual([times, 0, why]);
});

test('while recordings of the path are imported, its gaps wait', async () => {
  const { state, pass, asked, item, until } = await openService({ recorded: AROUND, reasons: OUTAGE });
  state.isImporting = true;
  await pass(180);
  expect([asked(), item()?.waitsFor]).toEqual([0, 'import']);
  state.isImporting = false;
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test('while recorders wait for their disk, nearly nothing is read from the card', async () => {
  const { state, asked, pass, item, until } = await openService({ recorded: AROUND, reasons: OUTAGE });
  state.busyMs = 1_000;
  expect(await until(() => asked() > 0)).toBe(true);
  await pass(30);
  expect(state.got.length).toBeLessThanOrEqual(5);
  state.busyMs = 0;
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test('a command that imports into the path in a process of its own has a fetch stop, which continues after it', async () => {
  const { dataDir, clock, pass, item, state, until } = await openService({
    ...{ recorded: AROUND, reasons: OUTAGE, quirks: { replayPace: 2 } },
  });
  const mark = new FetchMark(dataDir, 'command', { clock, log: silentLogger });
  expect(await until(() => (item()?.fetching?.share ?? 0) > 0.2)).toBe(true);
  expect(mark.set('door')).toBe(false);
  expect(await until(() => item()?.waitsFor === 'import')).toBe(true);
  expect(mark.set('door')).toBe(true);
  const before = state.got.length;
  await pass(5);
  expect(state.got.length).toBe(before);
  mark.clear();
  state.coverage.recorded.splice(1, 0, { ...(state.coverage.recorded[0] ?? expect.fail()) });
  expect(await until(() => item()?.state === 'idle')).toBe(true);
});

test('a data folder that cannot be written has nothing fetched until it can, which is logged once', async () => {
  const { dataDir, lines, pass, asked, item, until } = await openService({ recorded: AROUND, reasons: OUTAGE });
  const obstacle = join(dataDir, 'fetching', 'gap.json.new');
  mkdirSync(obstacle, { recursive: true });
  await pass(30);
  expect([asked(), lines.filter((line) => line.includes('cannot be written'))]).toEqual([0, [expect.any(String)]]);
  rmdirSync(obstacle);
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test('a gap in doubt is asked for once, until a person has the card asked again', async () => {
  const { backfill, lines, asked, item, until } = await openService({
    ...{ recorded: AROUND, reasons: OUTAGE, quirks: { cardZoneMs: 2 * HOUR_MS } },
  });
  const doubts = () => lines.filter((line) => line.includes('in doubt')).length;
  expect(await until(() => item()?.gaps === 0 && doubts() === 1)).toBe(true);
  expect(item()).toMatchObject({ state: 'idle', unfilled: { notOnCard: 0, inDoubt: 1 } });
  const before = asked();
  expect(before).toBeGreaterThan(0);
  await backfill.retry('door');
  expect(await until(() => asked() > before)).toBe(true);
});

test('a gap of a card that lists more recordings than are read is not over', async () => {
  const { asked, item, until } = await openService({
    ...{ recorded: AROUND, reasons: OUTAGE, quirks: { cardFiles: { everyMs: 5, overlapMs: 0 } } },
  });
  expect(await until(() => typeof item()?.retryTime === 'string')).toBe(true);
  expect(item()).toMatchObject({ gaps: 1, error: expect.stringContaining('more recordings than can be read') });
  expect(asked()).toBe(0);
});

test('a gap of a card that replays without times is not over', async () => {
  const { asked, item, until } = await openService({
    ...{ recorded: AROUND, reasons: OUTAGE, quirks: { replayLacks: ['Require'] } },
  });
  expect(await until(() => asked() === 2)).toBe(true);
  expect(await until(() => typeof item()?.retryTime === 'string')).toBe(true);
  expect(item()).toMatchObject({ gaps: 1, error: expect.stringContaining('without their times') });
});

test('the camera is not asked while it is paused or private', async () => {
  const { settings, pass, asked, until, item } = await openService({ recorded: AROUND, reasons: OUTAGE });
  const { camera } = settings;
  Object.assign(settings, { isPrivate: true });
  await pass(120);
  Object.assign(settings, { isPrivate: false, camera: { ...camera, paused: true } });
  await pass(120);
  expect([asked('GetServices'), item()?.waitsFor]).toEqual([0, 'notRecorded']);
  Object.assign(settings, { camera });
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test('a camera that is not recorded is asked what its card holds, at once and every six hours, and nothing is fetched', async () => {
  const { backfill, clock, pass, asked, item, until } = await openService({
    ...{ recorded: AROUND, reasons: OUTAGE, record: 'no' },
  });
  const times = () => asked('GetServices');
  await pass(4);
  const card = { from: '2026-06-01T11:58:00.000Z', until: expect.any(String), recordings: 1 };
  expect(item()).toMatchObject({ card, state: 'unknown', gaps: 0, waitsFor: 'notRecorded' });
  await pass(180);
  expect([times(), asked()]).toEqual([1, 0]);
  await backfill.retry('door');
  expect(await until(() => times() === 2)).toBe(true);
  await pass(5);
  clock.skip(6 * HOUR_MS - 30_000);
  await pass(5);
  expect(times()).toBe(2);
  await pass(40);
  expect([times(), asked()]).toEqual([3, 0]);
});

test('the card of a camera that has just been adopted is asked at once, also while someone watches', async () => {
  const { state, clock, pass, asked, item } = await openService({ recorded: AROUND, reasons: OUTAGE });
  state.readyMs = clock.wallMs();
  state.readers = [{ type: 'hlsSession', id: 'one' }];
  await pass(4);
  // Its gaps are not known yet.
  expect(item()).toMatchObject({ card: { recordings: 1 }, state: 'unknown', waitsFor: 'notBack' });
  await pass(120);
  expect([asked('GetServices'), asked()]).toEqual([1, 0]);
});

test('a wrong password is sent twice for its card, and the right one at once', async () => {
  const { settings, camera, pass, item } = await openService({ record: 'no' });
  const { camera: right } = settings;
  Object.assign(settings, { camera: { ...right, password: 'not for the camera' } });
  await pass(3_600);
  expect([camera.state.wrongLogins.length, item()?.card]).toEqual([2, null]);
  Object.assign(settings, { camera: right });
  await pass(4);
  expect(item()?.card).toMatchObject({ recordings: 1 });
});

test('with record: motion all of an outage is fetched', async () => {
  const reasons = [['nothingSeen', CARD_SECONDS, 60], ...OUTAGE, ['nothingSeen', 40, 0]] as const;
  const { until, state, item } = await openService({ reasons, record: 'motion' });
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
  expect([Math.max(...state.got) <= 60, Math.min(...state.got) >= 40]).toEqual([true, true]);
});

test.for<[string, number | undefined, boolean]>([
  ['retention has passed it', 30_000, true],
  ['the clock of the box is not set', undefined, false],
])('nothing is fetched where %s', async ([, keptMs, isClockTrusted]) => {
  const { state, pass, asked } = await openService({ recorded: AROUND, reasons: OUTAGE });
  Object.assign(state, { keptMs, isClockTrusted });
  await pass(180);
  expect(asked()).toBe(0);
});

test('what was deleted to make room is not fetched', async () => {
  const { makesRoom, pass, asked } = await openService({ recorded: AROUND, reasons: OUTAGE });
  makesRoom(40);
  await pass(180);
  expect(asked()).toBe(0);
});

test('with record: motion an outage before the first clip is fetched', async () => {
  const reasons = [...OUTAGE, ['nothingSeen', 40, 0]] as const;
  const { until, item } = await openService({ reasons, record: 'motion' });
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test('what was deleted is not fetched, also after the files are gone, until the deletion is undone', async () => {
  const { deletes, restores, pass, asked, until, item } = await openService({ recorded: AROUND, reasons: OUTAGE });
  await deletes([70, 30]);
  await pass(180);
  expect(asked()).toBe(0);
  await restores([70, 30]);
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test.for<[string, string, string, boolean]>([
  ['WebRTC', 'webRTCSession', '', true],
  ['HLS, MSE or MP4', 'hlsSession', '', true],
  ['another box', 'rtspSession', `${SERVER_USER}1a2b`, true],
  ['RTSP, as recorders do,', 'rtspSession', 'nvr', false],
])('while someone watches by %s, the card waits: %s', async ([, type, user, waits]) => {
  const { state, card, clock, until, pass, item, asked } = await openService({ recorded: AROUND, reasons: OUTAGE });
  state.readers = [{ type, id: 'one' }];
  state.sessions = [{ id: 'one', user, created: new Date(clock.wallMs()).toISOString() }];
  await pass(120);
  expect([asked() === 0, item()?.waitsFor]).toEqual([waits, waits ? 'watched' : null]);
  expect(item()?.gaps).toBe(waits ? 1 : 0);
  if (user.startsWith(SERVER_USER)) {
    // It reads on and on: it records. The card does not: what it has would be of an hour ago, and that in doubt.
    card.isRecording = false;
    clock.skip(HOUR_MS);
  } else {
    state.readers = [];
  }
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test.for<[string, string]>([
  ['while someone watches', ''],
  ['outside of its hours', '    backfillHours: 13:00-14:00\n'],
])('a person who asks for it has a gap filled %s', async ([, keys]) => {
  const { backfill, state, pass, item, until } = await openService({ recorded: AROUND, reasons: OUTAGE, keys });
  state.readers = keys === '' ? [{ type: 'hlsSession', id: 'one' }] : [];
  await pass(120);
  expect([item()?.gaps, item()?.fetchedSeconds]).toEqual([1, 0]);
  await backfill.retry('door');
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test('a fetch stops as soon as someone watches, and continues where it stopped', async () => {
  const { state, until, pass, item, asked } = await openService({
    ...{ recorded: AROUND, reasons: OUTAGE, quirks: { replayPace: 2 } },
  });
  expect(await until(() => (item()?.fetching?.share ?? 0) > 0.2)).toBe(true);
  expect(item()).toMatchObject({ state: 'fetching', waitsFor: null });
  state.readers = [{ type: 'hlsSession', id: 'one' }];
  expect(await until(() => item()?.waitsFor === 'watched')).toBe(true);
  const before = state.got.length;
  state.coverage.recorded.splice(1, 0, { ...(state.coverage.recorded[0] ?? expect.fail()) });
  await pass(60);
  expect([state.got.length, asked()]).toEqual([before, 1]);
  state.readers = [];
  expect(await until(() => item()?.state === 'idle')).toBe(true);
  expect(Math.min(...state.got)).toBeLessThan(42);
});

test('a person has the card asked again for a gap of which it had nothing', async () => {
  const recorded = [
    [700, 600],
    [500, 0],
  ] as const;
  const { backfill, state, until, pass, item, asked } = await openService({
    ...{ recorded, reasons: [['offline', 600, 500]] },
  });
  expect(await until(() => asked('FindRecordings') === 1 && item()?.state === 'idle')).toBe(true);
  await pass(300);
  expect([asked('FindRecordings'), item()?.unfilled]).toEqual([1, { notOnCard: 1, inDoubt: 0 }]);
  await backfill.retry('door');
  expect(await until(() => asked('FindRecordings') === 2)).toBe(true);
  // What has expired is missed no more.
  expect(await until(() => item()?.unfilled.notOnCard === 1)).toBe(true);
  state.keptMs = 300_000;
  await backfill.retry('door');
  expect(await until(() => item()?.unfilled.notOnCard === 0)).toBe(true);
  await expect(backfill.retry('yard')).rejects.toMatchObject({ code: 'notFound' });
});

test('a camera without serial number that has another address is the same: its gaps are filled', async () => {
  const { settings, camera, state, until, item } = await openService({ recorded: AROUND, serial: '' });
  expect(await until(() => item()?.state === 'idle')).toBe(true);
  await camera.moveTo('127.0.0.3');
  Object.assign(settings, { camera: { ...settings.camera, onvif: camera.url } });
  const us = (seconds: number) => (state.readyMs + 3_600_000 - seconds * 1_000) * 1_000;
  state.coverage.reasons.push({ type: 'offline', startUs: us(60), endUs: us(40) });
  state.readyMs += 1;
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test.for<[string, 'yes' | 'motion', number]>([
  ['is said', 'yes', 1],
  ['is usual with record: motion', 'motion', 0],
])('a gap of which the card has only a part %s', async ([, record, notOnCard]) => {
  const { until, state, item } = await openService({
    recorded: [
      [400, 200],
      [40, 0],
    ],
    ...{ reasons: [['offline', 200, 40]], record },
  });
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 70)).toBe(true);
  const { recorded } = state.coverage;
  recorded.splice(1, 0, { ...(recorded[1] ?? expect.fail()), startUs: (recorded[1]?.startUs ?? 0) - 80e6 });
  expect(await until(() => item()?.state === 'idle')).toBe(true);
  expect(item()?.unfilled).toEqual({ notOnCard, inDoubt: 0 });
});

test('what is left below one group of pictures is not said to be missing on the card, also after it was asked for again', async () => {
  const { backfill, until, pass, item, asked } = await openService({
    recorded: [
      [CARD_SECONDS, 60],
      [59.3, 0],
    ],
    reasons: [['offline', 60, 59.3]],
  });
  for (const times of [1, 2]) {
    expect(await until(() => asked('FindRecordings') === times)).toBe(true);
    await pass(60);
    expect(item()).toMatchObject({ state: 'idle', gaps: 0, unfilled: { notOnCard: 0, inDoubt: 0 } });
    await backfill.retry('door');
  }
});

test('an outage that is noted only after the card was asked is filled, too', async () => {
  const { state, until, pass, item, asked } = await openService({ recorded: AROUND, reasons: OUTAGE });
  const reasons = state.coverage.reasons.splice(0);
  expect(await until(() => item()?.state === 'idle')).toBe(true);
  await pass(2);
  state.coverage.reasons.push(...reasons);
  await pass(120);
  expect([item()?.fetchedSeconds, item()?.state]).toEqual([expect.closeTo(20, -1), 'idle']);
  // Without a gap the camera is left alone.
  const before = asked('GetRecordingSummary');
  await pass(600);
  expect(asked('GetRecordingSummary')).toBe(before);
});

test('a card that is mounted only after the camera is back is asked for again, ever more rarely', async () => {
  const { card, clock, until, pass, item, asked } = await openService({ recorded: AROUND, reasons: OUTAGE });
  card.isRecording = false;
  const units = card.units.splice(0);
  const times = () => asked('GetRecordingSummary');
  expect(await until(() => item()?.state === 'noCard')).toBe(true);
  for (const [i, minutes] of [1, 4, 16, 64, 256, 360, 360].entries()) {
    await pass(15);
    const before = times();
    clock.skip((minutes - 0.5) * 60_000);
    await pass(5);
    expect(times(), `before ${minutes} minutes are over`).toBe(before);
    card.units.push(...(i === 6 ? units : []));
    clock.skip(10_000);
    expect(await until(() => times() > before)).toBe(true);
  }
  expect(await until(() => (item()?.fetchedSeconds ?? 0) >= 18)).toBe(true);
});

test('a camera that ends its live stream when its card is read is read ever more rarely, then once a day', async () => {
  const { state, card, camera, clock, until, pass, item } = await openService({
    ...{ recorded: AROUND, reasons: OUTAGE, quirks: { oneSession: 'endsLive', replayPace: 2 } },
  });
  card.isRecording = false;
  const plays = () => camera.state.replayRequests.filter(({ method }) => method === 'PLAY').length;
  for (const [i, minutes] of [2, 4, 8, 16, 24 * 60].entries()) {
    expect(await until(() => plays() > i), `replay ${i + 1}`).toBe(true);
    await pass(1);
    state.readyMs = clock.wallMs();
    await pass(4);
    clock.skip((minutes - 1) * 60_000);
    await pass(30);
    expect(plays()).toBe(i + 1);
    const leftMs = Date.parse(item()?.retryTime ?? '') - clock.wallMs();
    expect(leftMs, 'until the next attempt').toBeGreaterThan(0);
    expect(leftMs).toBeLessThan(60_000);
  }
  expect(item()).toMatchObject({ gaps: 1, error: 'its live stream ends when its card is read' });
  expect(new Set(state.got).size).toBe(state.got.length);
});

test('an outage after the camera has refused a replay is not blamed on reading the card', async () => {
  const { state, clock, until, pass, asked, item } = await openService({
    ...{ recorded: AROUND, reasons: OUTAGE, quirks: { replaysRefused: 1 } },
  });
  expect(await until(() => item()?.error !== null)).toBe(true);
  await pass(4);
  state.readyMs = clock.wallMs();
  await pass(90);
  expect([asked(), item()?.fetchedSeconds]).toEqual([2, expect.closeTo(20, -1)]);
});
