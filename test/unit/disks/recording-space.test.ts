import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../../agent/base/log.ts';
import { type Config, parseConfig } from '../../../agent/config/load/load.ts';
import { Playback } from '../../../agent/playback/playback.ts';
import { EventHub } from '../../../agent/record/events/event-hub.ts';
import { EventJournal } from '../../../agent/record/events/event-journal.ts';
import { SegmentAges } from '../../../agent/record/retention/segment-ages.ts';
import { RetentionAndSpace } from '../../../agent/recordings/retention-and-space.ts';
import { FakeClock } from '../../support/base/fake-clock.ts';
import { filesBelow, record, temporaryFolder } from '../../support/disks/recordings.ts';
import { KEYS } from '../../support/harness/loaded-config.ts';

const HOUR_MS = 3_600_000;
/** The real index and retention over real recordings of a path, on a fake clock. */
async function setUp(settings: { maxBytes?: number; deleteAfterMs?: number; isClockTrusted?: boolean } = {}) {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const clock = new FakeClock();
  const dataDir = join(folder.path, 'data');
  const records = join(folder.path, 'rec');
  mkdirSync(dataDir);
  const files = await record(records, 10, { segmentDurationMs: 1_000, wall: clock.wallMs() });
  await clock.advance(2 * HOUR_MS);
  const recordPath = join(records, '%path/%Y-%m-%d_%H-%M-%S-%f');
  const { config } = parseConfig(
    `pathDefaults: {recordPath: '${recordPath}'}\npaths: {cam: {record: yes}}`,
    'x',
    {},
    {
      recordPath,
      cwd: '/',
      keys: KEYS,
    },
  );
  const entry = config?.paths.get('cam');
  const configOf = (recordMaxSizeBytes: number) => {
    const changed = { ...entry?.settings, recordMaxSizeBytes, recordDeleteAfterMs: settings.deleteAfterMs ?? 0 };
    return { ...config, paths: new Map([['cam', { ...entry, settings: changed }]]) } as Config;
  };
  let used = configOf(settings.maxBytes ?? 0);
  const recordPaths = () => [recordPath];
  const playback = new Playback({
    file: join(folder.path, 'segments.db'),
    paths: {
      recordPathOf: (path) => (path === 'cam' ? { recordPath, format: 'fmp4' } : undefined),
      recordPaths,
      hasRecorded: () => false,
    },
    logger: silentLogger,
    zone: 'UTC',
  });
  const events = new EventHub(
    new EventJournal({ folder: join(dataDir, 'events'), logger: silentLogger }),
    clock,
    silentLogger,
  );
  const state = { isClockTrusted: settings.isClockTrusted ?? true };
  const space = new RetentionAndSpace(
    {
      ...{ config: () => used, dataDir, clock, log: silentLogger, playback, events, recordPaths },
      isOpen: () => false,
      isHanging: () => false,
      flushTimes: () => undefined,
      isClockTrusted: () => state.isClockTrusted,
      stopRecording: () => {},
    },
    (index) => new SegmentAges(index, clock),
  );
  const stop = new AbortController();
  await space.configure();
  await space.fillIndex(stop.signal);
  let hasEnded = true;
  const end = async () => {
    stop.abort();
    await expect
      .poll(async () => {
        await clock.advance(10_000);
        return hasEnded;
      })
      .toBe(true);
    await events.close();
    await playback.close();
  };
  onTestFinished(end);
  return {
    ...{ clock, files, records, dataDir, space, playback, state },
    limit: (maxBytes: number) => {
      used = configOf(maxBytes);
    },
    begin: () => {
      hasEnded = false;
      void Promise.all([space.keep(stop.signal), space.keepAges(stop.signal)]).then(() => {
        hasEnded = true;
      });
    },
    left: () => filesBelow(records).filter((file) => file.endsWith('.mp4')),
  };
}

test('all recordings of a path are deleted on request, even without a set clock, except protected and unmarked ones', async () => {
  const { files, left, space, records, playback } = await setUp({ isClockTrusted: false });
  const [first = '', second = '', third = ''] = [...files].sort();
  const stranger = readFileSync(second).subarray(0, 100);
  writeFileSync(second, stranger);
  const other = join(records, 'camera', basename(third));
  mkdirSync(join(records, 'camera'));
  writeFileSync(other, readFileSync(third));
  const startUs = playback.startUsOf(first) ?? 0;
  const time = (us: number) => new Date(us / 1000).toISOString();
  const range = { path: 'cam', start: time(startUs), end: time(startUs + 1_000), note: '' };
  const { id } = await space.protection.protect(range);
  expect(await space.deletePath('cam')).toMatchObject({
    ...{ deleted: 8, kept: 2, bytes: expect.any(Number) },
    items: [
      { reason: `is protected: DELETE /v3/recordings/protect/${id} ends that` },
      { reason: 'has no mark of Perch or MediaMTX' },
    ],
  });
  expect(left().sort()).toEqual([first, second, other].sort());
  expect(readFileSync(second)).toEqual(stranger);
  await space.protection.unprotect(id);
  expect(await space.deletePath('cam')).toMatchObject({ deleted: 1, kept: 1 });
  await expect(space.deletePath('missing')).rejects.toThrow("path 'missing' is not configured and has no recordings");
  await expect(space.deletePath('../cam')).rejects.toThrow('is not configured');
});

test('a path keeps as many of its newest recordings as it may', async () => {
  const { files, begin, clock, left, playback, limit, dataDir } = await setUp();
  limit(files.slice(5).reduce((sum, file) => sum + statSync(file).size, 0));
  expect([left().length, playback.space.bytesOf('cam').files]).toEqual([10, 10]);
  begin();
  await expect
    .poll(async () => {
      await clock.advance(1_000);
      return left().length;
    })
    .toBe(5);
  await clock.advance(60_000);
  expect(left()).toEqual([...files].sort().slice(5));
  // The index learns of a deleted file after the disk.
  await expect.poll(() => playback.space.bytesOf('cam').files).toBe(5);
  const events = () => filesBelow(join(dataDir, 'events')).map((file) => readFileSync(file, 'utf8'));
  await expect
    .poll(events)
    .toEqual([expect.stringMatching(/"type":"deleted".*"text":"deleted \d recordings?: cam: \d by size, /)]);
});

test('protected recordings are kept by age and by space, are in the timeline, and are deleted after protection ends', async () => {
  const { files, begin, clock, left, space, playback } = await setUp({ maxBytes: 1, deleteAfterMs: HOUR_MS });
  const start = basename(files[3] ?? '', '.mp4').replace(/^(.*)_(\d\d)-(\d\d)-(\d\d)-(\d+)$/, '$1T$2:$3:$4.$5Z');
  const end = new Date(Date.parse(start) + 500).toISOString();
  const { id } = await space.protection.protect({ path: 'cam', start, end, note: 'the parcel', by: 'anna' });
  begin();
  await expect
    .poll(async () => {
      await clock.advance(1_000);
      return left();
    })
    .toEqual([files[3]]);
  await clock.advance(HOUR_MS);
  expect(left()).toEqual([files[3]]);
  expect(await space.protection.describe(id)).toMatchObject({
    id,
    note: 'the parcel',
    by: 'anna',
    recordedSeconds: 0.5,
  });
  const us = Date.parse(start) * 1000;
  expect(space.keptBecause('cam', us, 1)).toMatch(
    /^is protected: DELETE \/v3\/recordings\/protect\/[0-9a-f-]{36} ends that$/,
  );
  const at = (us: number) => ({ us, offsetMs: 0 });
  const timeline = await playback.timeline({
    path: 'cam',
    from: at(us - 1e6),
    to: at(us + 1e6),
    resolution: undefined,
  });
  expect(JSON.stringify(timeline)).toContain(id);
  await space.protection.unprotect(id);
  await expect
    .poll(async () => {
      await clock.advance(60_000);
      return left();
    })
    .toEqual([]);
});

test('without a clock or the list of protected recordings nothing is deleted, and a damaged list is read again', async () => {
  const { begin, clock, left, state, dataDir, space } = await setUp({ deleteAfterMs: HOUR_MS, isClockTrusted: false });
  writeFileSync(join(dataDir, 'protected.json'), '{"version":');
  await space.protectedRanges.load();
  begin();
  await clock.advance(10_000);
  expect(left()).toHaveLength(10);
  state.isClockTrusted = true;
  await clock.advance(10_000);
  expect(left()).toHaveLength(10);
  expect(space.keptBecause('cam', 0, 1)).toContain('protected recordings are unknown');
  await expect(
    space.protection.protect({ path: 'cam', start: '2026-01-01T00:00:00Z', end: '2026-01-01T01:00:00Z', note: '' }),
  ).rejects.toThrow('protected recordings are unknown');
  writeFileSync(join(dataDir, 'protected.json'), '{"version":1,"ranges":[]}');
  await expect
    .poll(async () => {
      await clock.advance(31_000);
      return left();
    })
    .toEqual([]);
});

test('a missing path and an invalid time are rejected', async () => {
  const { space, dataDir } = await setUp();
  const range = { path: 'cam', start: '2026-01-01T00:00:00Z', end: '2026-01-01T01:00:00+01:30', note: '' };
  await expect(space.protection.protect({ ...range, path: 'attic' })).rejects.toThrow("path 'attic' is not configured");
  await expect(space.protection.protect({ ...range, start: 'noon' })).rejects.toThrow(
    "invalid start: 'noon' is not a time",
  );
  await expect(space.protection.protect(range)).rejects.toThrow('end must be later than start');
  const kept = await space.protection.protect({ ...range, end: '2026-01-01T02:30:00.000001+01:30' });
  expect(Date.parse(kept.end)).toBe(Date.parse('2026-01-01T01:00:00Z'));
  expect(space.protection.list()).toEqual([kept]);
  expect(readFileSync(join(dataDir, 'protected.json'), 'utf8')).toContain(kept.id);
});
