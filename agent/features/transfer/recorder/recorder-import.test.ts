import { createHash } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { openOnvifDevice, RECORDER } from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { type OnvifCamera, startOnvifCamera } from '../../../../test/onvif-camera/camera.ts';
import { enlarge, filledCard } from '../../../../test/onvif-camera/card/filled-card.ts';
import type { SdCard } from '../../../../test/onvif-camera/card/sd-card.ts';
import type { Quirks } from '../../../../test/onvif-camera/quirks.ts';
import { filesBelow, temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { openPlayback, TEMPLATE } from '../../../../test/support/harness/playback.ts';
import { systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import type { Config } from '../../../config/load/load.ts';
import type { PathSettings } from '../../../config/schema/path.ts';
import type { Playback } from '../../../playback/playback.ts';
import type { LeftFile } from '../../../recordings/copy/left-file.ts';
import type { JobReport } from '../../../recordings/copy/transfer-kind.ts';
import { FetchMark } from '../../../recordings/fetch-mark.ts';
import { DraftRecorders } from './draft-recorder.ts';
import { RecorderImport, type RecorderImportDeps } from './recorder-import.ts';
import { openRecorder } from './recorder-session.ts';

const LOGIN = { user: 'admin', password: 'pässword' };
const SECONDS = 60;
const START_MS = Date.UTC(2026, 2, 1, 12);
const HOUR_MS = 3_600_000;
const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
const NEVER = new AbortController().signal;
const config = () => ({ paths: new Map() }) as unknown as Config;

function withoutSets(unit: Uint8Array): Uint8Array {
  const bytes = Buffer.from(unit);
  let at = 0;
  while ([7, 8].includes((bytes[at + 4] ?? 0) & 0x1f)) {
    at += 4 + bytes.readUInt32BE(at);
  }
  return bytes.subarray(at);
}

/** Ten pictures and one group a second. */
async function openDevice(quirks: Quirks = {}, card: SdCard = filledCard({ fromMs: START_MS, seconds: SECONDS })) {
  const camera = await startOnvifCamera({ quirks, credentials: LOGIN, card });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return { camera, card };
}

/** A path whose recordings are in a folder of its own. */
function openPath(camera: OnvifCamera, folder = temporaryFolder()) {
  const playback = openPlayback(folder.path, ':memory:');
  const drafts = new DraftRecorders({ clock: systemClock, log: silentLogger, index: playback.segmentLog });
  onTestFinished(async () => {
    await drafts[Symbol.asyncDispose]();
    await playback.close();
    folder[Symbol.dispose]();
  });
  const settings = {
    ...{ recordPath: `${folder.path}/${TEMPLATE}`, recordFormat: 'fmp4', recordPartDurationMs: 1_000, audio: true },
    ...{ recordMaxPartSizeBytes: 50e6, recordSegmentDurationMs: HOUR_MS, recordDeleteAfterMs: 0 },
  } as PathSettings;
  const recorder = { address: camera.url, ...LOGIN };
  const left: LeftFile[] = [];
  const seen = { files: 0, bytes: 0, doneBytes: 0, leftBytes: [] as number[], kept: {} as object, onBytes: () => {} };
  const deps: RecorderImportDeps = {
    ...{
      clock: systemClock,
      playback,
      busyMs: () => 0,
      deleted: async () => [],
      room: async () => 1e12,
      whenRoom: 'it continues when there is room',
      settingsOf: () => settings,
    },
    open: (signal) => openRecorder(recorder, { clock: systemClock, config }, signal),
    recorder: (path, of) => drafts.recorder(path, of),
    stopped: () => drafts.place(),
    ...{ limitRoom: () => Number.POSITIVE_INFINITY, claim: () => true, release: () => {} },
  };
  const report: JobReport = {
    ...{ forgetLeftOut: () => {}, begin: () => {}, isPresent: () => {} },
    left: (_files, bytes) => void seen.leftBytes.push(bytes),
    bytes: (count) => {
      seen.bytes += count;
      seen.onBytes();
    },
    done: (bytes) => {
      seen.files += 1;
      seen.doneBytes += bytes;
    },
    leftOut: (one) => void left.push(one),
    keep: async (memory) => {
      seen.kept = structuredClone(memory);
    },
  };
  const jobOf = (
    stored: ConstructorParameters<typeof RecorderImport>[0],
    more: Partial<RecorderImportDeps> = {},
  ): RecorderImport => new RecorderImport(stored, { ...deps, ...more });
  const go = (job: RecorderImport, signal = NEVER): Promise<void> =>
    job.run(report, { signal, wait: async () => signal.throwIfAborted() });
  const run = async (
    stored: ConstructorParameters<typeof RecorderImport>[0],
    more: Partial<RecorderImportDeps> = {},
    signal = NEVER,
  ) => {
    const job = jobOf(stored, more);
    await go(job, signal);
    return job;
  };
  const open = () => openRecorder(recorder, { clock: systemClock, config }, NEVER);
  return { folder: folder.path, playback, run, jobOf, go, open, left, seen, settings };
}

const importOf = (group: string, more: object = {}) => ({
  ...{ items: [{ group, path: 'yard' }], memory: {}, zoneMs: 0, ...more },
});

/** All pictures of the path: seconds after the start, and digest. */
async function recorded(playback: Playback, path = 'yard') {
  const all: [number, string][] = [];
  for await (const { data, timesUs } of playback.video(path, {
    fromUs: 0,
    toUs: Date.now() * 1_000,
    signal: NEVER,
    wants: () => true,
  })) {
    data.forEach(
      (one, i) => void all.push([Math.round((timesUs[i] ?? 0) / 10_000 - START_MS / 10) / 100, digest(one)]),
    );
  }
  return all;
}

const onCard = ({ units }: SdCard, from = 0, until = SECONDS) =>
  units
    .filter(({ track }) => track === 0)
    .map(({ unixMs, data }): [number, string] => [(unixMs - START_MS) / 1_000, digest(withoutSets(data))])
    .filter(([second]) => second >= from && second < until);

test('each picture of a recorder comes once, with its time, and a repeated import takes nothing', async () => {
  const { camera, card } = await openDevice();
  const { run, open, playback, folder, seen } = openPath(camera);
  const [channel] = (await open()).channels;
  const group = channel?.key ?? '';
  const job = await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
  expect(job.channels).toEqual([{ path: 'yard', name: 'Camera', doneSeconds: 60, totalSeconds: 60 }]);
  expect(filesBelow(folder).filter((file) => file.includes('.import-'))).toEqual([]);
  const before = seen.bytes;
  await run(importOf(group));
  expect(seen.bytes).toBe(before);
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('within a piece the channel and the rest follow what comes, and an interruption keeps it', async () => {
  const { camera } = await openDevice();
  const { jobOf, go, open, seen } = openPath(camera);
  const job = jobOf(importOf((await open()).channels[0]?.key ?? ''));
  const stop = new AbortController();
  const doneSeconds = () => job.channels?.[0]?.doneSeconds ?? 0;
  seen.onBytes = () => {
    if (doneSeconds() >= 30) {
      stop.abort(new PerchError('unavailable', 'paused', { isPause: true }));
    }
  };
  await expect(go(job, stop.signal)).rejects.toThrow('paused');
  expect(doneSeconds()).toBeLessThan(40);
  expect(seen.doneBytes).toBe(seen.bytes);
  // At first the rate of an unknown recording is assumed.
  expect((seen.leftBytes[0] ?? 0) / 500_000).toBeCloseTo(60, 0);
  expect((seen.leftBytes.at(-1) ?? 0) / seen.bytes).toBeCloseTo(2, 0);
});

test('the chosen period is taken in whole groups, and what the path has stays as it is', async () => {
  const { camera, card } = await openDevice();
  const { run, open, playback } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const us = (second: number) => (START_MS + second * 1_000) * 1_000;
  await run(importOf(group, { sinceUs: us(20.4), untilUs: us(30.6) }));
  expect(await recorded(playback)).toEqual(onCard(card, 21, 30));
  await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('pictures that were imported prove nothing about the clock, where the path has another stream before them', async () => {
  // The path has the pictures of another hour.
  const other = filledCard({ fromMs: START_MS - HOUR_MS, seconds: 15 });
  other.units.push(...other.units.splice(0).map((unit) => ({ ...unit, unixMs: unit.unixMs + HOUR_MS })));
  const another = await openDevice({}, other);
  const { camera, card } = await openDevice();
  const { run, open, playback, left } = openPath(camera);
  const opened = await openPath(another.camera).open();
  const group = (await open()).channels[0]?.key ?? '';
  const us = (second: number) => (START_MS + second * 1_000) * 1_000;
  await run(importOf(opened.channels[0]?.key ?? ''), { open: async () => opened });
  await run(importOf(group, { sinceUs: us(30) }));
  await run(importOf(group));
  expect(left).toEqual([]);
  expect(await recorded(playback)).toEqual([...onCard(other), ...onCard(card, 15)]);
});

test('of several channels each goes to its own path, in pages of one, and one that is gone is left out', async () => {
  const span = (name: string, from: number, until: number) => ({
    ...{ name, fromMs: START_MS + from * 1_000, untilMs: START_MS + until * 1_000 },
  });
  const cardChannels = [span('Yard', 0, 20), span('Gate', 10, 40), span('Gate 2', 30, 60)];
  const { camera, card } = await openDevice({ cardChannels, cardPage: 1 });
  const { run, open, playback, left } = openPath(camera);
  const { channels } = await open();
  expect(channels.map(({ name }) => name)).toEqual(['Gate', 'Gate 2', 'Yard']);
  const [gate, , yard] = channels.map(({ key }) => key);
  const items = [
    { group: yard ?? '', path: 'yard' },
    { group: gate ?? '', path: 'gate' },
    { group: 'source|gone', path: 'attic' },
  ];
  await run({ items, memory: {}, zoneMs: 0 });
  expect(await recorded(playback)).toEqual(onCard(card, 0, 20));
  expect(await recorded(playback, 'gate')).toEqual(onCard(card, 10, 40));
  expect(left).toMatchObject([{ file: 'gone', why: 'unreadable' }]);
});

test('an import stays with the recordings that it was begun with, where they overlap otherwise at the next listing', async () => {
  const span = (from: number, until: number) => ({
    ...{ name: 'Camera', fromMs: START_MS + from * 1_000, untilMs: START_MS + until * 1_000 },
  });
  const { camera, card } = await openDevice({ cardChannels: [span(0, 20), span(20, 40)] });
  const { run, open, playback, seen, left } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const stop = new AbortController();
  const ended = run(
    importOf(group),
    {
      recorder: () => {
        throw new PerchError('unavailable', 'it ends', { why: 'test' });
      },
    },
    stop.signal,
  );
  await expect(ended).rejects.toThrow('it ends');
  camera.state.quirks.cardChannels = [span(0, 40), span(0, 40), span(0, 60)];
  expect((await open()).channels.map(({ key }) => key)).not.toContain(group);
  await run(importOf(group, { memory: seen.kept }));
  expect(await recorded(playback)).toEqual(onCard(card, 0, 40));
  expect(left).toEqual([]);
});

test('an import that was interrupted goes on with what is missing', async () => {
  const { camera, card } = await openDevice({ replayBreaks: { afterPictures: 235, times: 1 } });
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  await expect(run(importOf(group))).rejects.toMatchObject({ code: 'unavailable' });
  const whole = await recorded(playback);
  expect(whole.length % 10).toBe(0);
  expect(whole.length).toBeGreaterThan(100);
  expect(whole).toEqual(onCard(card, 0, whole.length / 10));
  await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
  expect(seen.bytes).toBeLessThanOrEqual(card.units.reduce((sum, { data }) => sum + data.length, 0));
});

test('a pause keeps whole groups, and the memory says what was asked for', async () => {
  const { camera, card } = await openDevice({ replayPace: 20 });
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const stop = new AbortController();
  const running = run(importOf(group), {}, stop.signal);
  await expect.poll(() => seen.bytes).toBeGreaterThan(0);
  stop.abort();
  await expect(running).rejects.toBe(stop.signal.reason);
  const whole = await recorded(playback);
  expect(whole).toEqual(onCard(card, 0, whole.length / 10));
  await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
  expect(seen.kept).toMatchObject({ askedUs: { [group]: (START_MS + 100 * whole.length) * 1_000 } });
  const asked = camera.operations.filter((one) => one === 'GetReplayUri').length;
  await run(importOf(group, { memory: seen.kept }));
  expect(camera.operations.filter((one) => one === 'GetReplayUri')).toHaveLength(asked);
});

test('a recorder that states local time as UTC is dated right', async () => {
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const card = filledCard({ fromMs: nowMs - 20_000, seconds: 20 });
  card.isRecording = true;
  const { camera } = await openDevice({ cardZoneMs: 2 * HOUR_MS, timeZone: 'CET-1CEST,M3.5.0,M10.5.0' }, card);
  const { run, open, playback } = openPath(camera);
  const { channels, zoneMs } = await open();
  expect(zoneMs).toBe(2 * HOUR_MS);
  await run(importOf(channels[0]?.key ?? '', { zoneMs }));
  const hashes = (await recorded(playback)).map(([, hash]) => hash);
  expect(hashes).toEqual(onCard(card, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY).map(([, hash]) => hash));
  const [span] = await playback.spans('yard');
  expect(span?.startUs).toBe((nowMs - 20_000) * 1_000);
});

test('a recorder on motion whose last picture is hours old, and whose clock is right, has no zone', async () => {
  for (const [timeZone, agoHours] of [
    ['UTC0', 3],
    ['EST5EDT,M3.2.0,M11.1.0', 5],
  ] as const) {
    const card = filledCard({ fromMs: Date.now() - agoHours * HOUR_MS - 10_000, seconds: 10 });
    card.isRecording = true;
    const { camera } = await openDevice({ timeZone }, card);
    expect((await openPath(camera).open()).zoneMs).toBe(0);
  }
});

test('a zone that the clock of the recorder does not have is none, and one behind UTC shows while it records', async () => {
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const card = filledCard({ fromMs: nowMs - 10_000, seconds: 10 });
  card.isRecording = true;
  const other = await openDevice({ cardZoneMs: 2 * HOUR_MS, timeZone: 'CST-8' }, card);
  expect((await openPath(other.camera).open()).zoneMs).toBe(0);
  const { camera } = await openDevice({ cardZoneMs: -5 * HOUR_MS, timeZone: 'EST5EDT,M3.2.0,M11.1.0' }, card);
  const opening = openPath(camera).open();
  await expect.poll(() => camera.operations.filter((one) => one === 'EndSearch').length).toBe(1);
  const last = card.units.findLast(({ track }) => track === 0);
  card.add({ ...(last as NonNullable<typeof last>), unixMs: nowMs + 1_000 });
  expect((await opening).zoneMs).toBe(-5 * HOUR_MS);
});

test('the clock error of a camera of this Perch is taken off', async () => {
  const { camera, card } = await openDevice({ clockOffsetMs: 3 * HOUR_MS });
  const { run, playback } = openPath(camera);
  const settings = { camera: { onvif: camera.url, ...LOGIN } };
  const withCamera = () => ({ paths: new Map([['door', { settings }]]) }) as unknown as Config;
  const opened = await openRecorder({ camera: 'door' }, { clock: systemClock, config: withCamera }, NEVER);
  expect(Math.abs(opened.zoneMs - 3 * HOUR_MS)).toBeLessThan(2_000);
  await run(importOf(opened.channels[0]?.key ?? '', { zoneMs: 3 * HOUR_MS }), { open: async () => opened });
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('a disk without room for it is asked before anything comes, and while it comes', async () => {
  const { camera } = await openDevice({ replayPace: 10 });
  const { run, open, playback } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  await expect(run(importOf(group), { room: async () => 0 })).rejects.toMatchObject({ context: { why: 'full' } });
  expect(camera.operations).not.toContain('GetReplayUri');
  let asked = 0;
  const room = async () => {
    asked += 1;
    return asked === 1 ? 1e12 : -1;
  };
  await expect(run(importOf(group), { room })).rejects.toMatchObject({ context: { why: 'full' } });
  expect((await recorded(playback)).length % 10).toBe(0);
});

test('where the usual rate has no room, the channel is measured, and a disk with room for what it has takes it', async () => {
  const { camera, card } = await openDevice();
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const bytes = card.units.reduce((sum, { data }) => sum + data.length, 0);
  expect(bytes).toBeLessThan(SECONDS * 500_000);
  const full = run(importOf(group), { room: async () => bytes / 2, whenRoom: 'repeat the command' });
  await expect(full).rejects.toMatchObject({ message: expect.stringMatching(/; repeat the command$/) });
  expect(await recorded(playback)).toEqual([]);
  expect((seen.leftBytes.at(-1) ?? 0) / bytes).toBeCloseTo(1, 0);
  await run(importOf(group), { room: async () => 1.5 * bytes });
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('a piece stops at a whole group before the disk is full, and the rest comes when there is room', async () => {
  const { camera, card } = await openDevice({ replayPace: 10 });
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  // Another program takes the room that the piece had.
  let freeBytes = 1e12;
  seen.onBytes = () => {
    freeBytes = 1;
  };
  const room = async () => freeBytes;
  await expect(run(importOf(group), { room })).rejects.toMatchObject({ context: { why: 'full' } });
  const whole = await recorded(playback);
  expect(whole.length).toBeGreaterThan(0);
  expect(whole).toEqual(onCard(card, 0, whole.length / 10));
  await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('an address of another host is not dialled, and a recorder without Profile G says what it lacks', async () => {
  const { camera, card } = await openDevice({ replayHost: '192.0.2.1' });
  const { run, open, playback } = openPath(camera);
  await run(importOf((await open()).channels[0]?.key ?? ''));
  expect(await recorded(playback)).toEqual(onCard(card));
  const plain = await startOnvifCamera({ credentials: LOGIN });
  onTestFinished(() => plain[Symbol.asyncDispose]());
  await expect(openPath(plain).open()).rejects.toThrow(`recorder ${new URL(plain.url).host}: it does not offer`);
});

test('a recorder that does not say which services it has is not said to lack one', async () => {
  const silent = await startOnvifCamera({ credentials: LOGIN, quirks: { answers: { GetServices: 'reset' } } });
  onTestFinished(() => silent[Symbol.asyncDispose]());
  await expect(openPath(silent).open()).rejects.toThrow('it did not say in time which services it has');
});

test('groups of pictures above 32 MB are left out, and it says so', async () => {
  const { camera, card } = await openDevice();
  enlarge(card, START_MS + 20_000, START_MS + 21_000);
  const { run, open, playback, left } = openPath(camera);
  await run(importOf((await open()).channels[0]?.key ?? ''));
  expect(await recorded(playback)).toEqual([...onCard(card, 0, 20), ...onCard(card, 21)]);
  expect(left).toMatchObject([{ why: 'tooLarge', reason: expect.stringMatching(/^1 .* larger than 32 MB/) }]);
});

test('a wrong password is named, and is in no message', async () => {
  const { camera } = await openDevice();
  const wrong = { address: camera.url, user: 'admin', password: 's3cret' };
  const error = await openRecorder(wrong, { clock: systemClock, config, isInteractive: true }, NEVER).catch(
    (one) => one,
  );
  expect(error).toBeInstanceOf(PerchError);
  expect(error).toMatchObject({ code: 'unauthorized' });
  expect(JSON.stringify([error.message, error.context])).not.toContain('s3cret');
});

test('the error for a good login of another Perch without the right to recordings names the right, not the password', async () => {
  const { portOf } = await openOnvifDevice({ mayPlay: false });
  const recorder = { address: `http://127.0.0.1:${portOf()}/onvif/device_service`, ...RECORDER };
  const opening = openRecorder(recorder, { clock: systemClock, config, isInteractive: true }, NEVER);
  await expect(opening).rejects.toMatchObject({
    message: expect.stringContaining('this user may not fetch recordings'),
    context: { camera: 'noRights' },
  });
});

test('recordings that the path would delete at once are not fetched', async () => {
  const { camera } = await openDevice();
  const { run, open, playback, settings } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  await run(importOf(group), { settingsOf: () => ({ ...settings, recordDeleteAfterMs: HOUR_MS }) });
  expect(await recorded(playback)).toEqual([]);
});

test('what a person has deleted does not come back, nor while it comes', async () => {
  const { camera, card } = await openDevice({ replayPace: 20 });
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const range = { startUs: (START_MS + 20_000) * 1_000, endUs: (START_MS + 60_000) * 1_000 };
  const deleted: (typeof range)[] = [];
  let tell: ((path: string) => Promise<void>) | undefined;
  const onDeleted = (listener: (path: string) => Promise<void>) => {
    tell = listener;
    return () => {
      tell = undefined;
    };
  };
  const running = run(importOf(group), { deleted: async () => deleted, onDeleted });
  await expect.poll(() => seen.bytes).toBeGreaterThan(0);
  deleted.push(range);
  await tell?.('gate');
  expect(tell).toBeDefined();
  await tell?.('yard');
  await running;
  expect(tell).toBeUndefined();
  const seconds = new Set((await recorded(playback)).map(([second]) => Math.floor(second)));
  expect(seconds.size).toBeLessThan(60);
  expect([...seconds].slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect((await recorded(playback)).slice(0, 200)).toEqual(onCard(card, 0, 20));
});

test('a place where the recorder breaks the connection is left out at the third time', async () => {
  const { camera } = await openDevice({ replayBreaks: { afterPictures: 5, times: 100 } });
  const { jobOf, go, open, playback, left } = openPath(camera);
  const job = jobOf(importOf((await open()).channels[0]?.key ?? ''));
  await expect(go(job)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(go(job)).rejects.toMatchObject({ code: 'unavailable' });
  await go(job);
  const reason = expect.stringContaining(`recorder ${new URL(camera.url).hostname}`);
  expect(left).toMatchObject([{ file: expect.stringMatching(/^Camera from .* until /), why: 'unreadable', reason }]);
  expect(await recorded(playback)).toEqual([]);
});

test('a recordMaxSize that is reached ends the import, since what is older would be deleted at once', async () => {
  const { camera } = await openDevice();
  const { run, open, left } = openPath(camera);
  await run(importOf((await open()).channels[0]?.key ?? ''), { limitRoom: () => 0 });
  expect(left).toMatchObject([{ why: 'old' }]);
  expect(camera.operations).not.toContain('GetReplayUri');
});

test('while a gap of the path is being filled, nothing is imported', async () => {
  const { camera, card } = await openDevice();
  const { run, open, playback } = openPath(camera);
  const asked: string[] = [];
  const claim = (path: string) => {
    asked.push(path);
    return asked.length > 1;
  };
  await run(importOf((await open()).channels[0]?.key ?? ''), { claim, release: (path) => void asked.push(`-${path}`) });
  expect([asked.slice(0, 2), asked.at(-1)]).toEqual([['yard', 'yard'], '-yard']);
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('three imports into one path at once, of periods that overlap, take each picture once', async () => {
  const { camera, card } = await openDevice({ replayPace: 20 });
  const [recordings, data] = [temporaryFolder(), temporaryFolder()];
  onTestFinished(() => data[Symbol.dispose]());
  const one = openPath(camera, recordings);
  const key = (await one.open()).channels[0]?.key ?? '';
  const importBy = async (by: 'page' | 'command', { run }: typeof one, sinceUs: number) => {
    const mark = new FetchMark(data.path, by, { clock: systemClock, log: silentLogger });
    const turns = { claim: (path: string) => mark.set(path), release: () => mark.clear() };
    await run({ ...importOf(key), sinceUs }, turns);
  };
  await Promise.all([
    importBy('command', one, START_MS * 1_000),
    importBy('page', openPath(camera, recordings), (START_MS + 10_000) * 1_000),
    importBy('command', openPath(camera, recordings), (START_MS + 20_000) * 1_000),
  ]);
  expect(await recorded(one.playback)).toEqual(onCard(card));
});

test('an import stops when another one fetches for its path, and continues after it', async () => {
  const { camera, card } = await openDevice({ replayPace: 20 });
  const { run, open, playback } = openPath(camera);
  let claims = 0;
  // Another one had it for two seconds.
  const claim = () => {
    claims += 1;
    return claims !== 2 && claims !== 3;
  };
  await run(importOf((await open()).channels[0]?.key ?? ''), { claim });
  expect(camera.operations.filter((one) => one === 'GetReplayUri').length).toBeGreaterThan(1);
  expect(await recorded(playback)).toEqual(onCard(card));
});
