import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { filesBelow, temporaryFolder } from '../../test/support/disks/recordings.ts';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { silentLogger } from '../base/log.ts';
import { parseConfig, resolvePath } from '../config/load/load.ts';
import type { ReportedEvent } from '../http/api/recordings/events.ts';
import type { CameraEvent } from '../record/events/event.ts';
import { FlushPoint } from '../record/write/flush.ts';
import { CameraEvents } from './events.ts';

const TEXT = `paths:
  cam: {recordDeleteAfter: 30d}
  kept: {recordDeleteAfter: 0s}
  all_others:
`;

const configOf = (text: string) =>
  parseConfig(text, 'perch.yml', {}, { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS }).config ??
  expect.fail('no configuration');

/** @param coming the configuration that is in force a moment later */
async function start(text = TEXT, coming = text) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  let config = configOf(text);
  const shown: CameraEvent[] = [];
  const forgotten: [string, ...number[]][] = [];
  let isTrusted = true;
  let isDateDoubted = false;
  const flush = new FlushPoint(clock, 5_000);
  const events = new CameraEvents({
    ...{ config: () => config, dataDir: folder.path, clock, log: silentLogger, flush },
    settled: async () => {
      config = configOf(coming);
    },
    keptMs: (path) => resolvePath(config, path)?.settings?.recordDeleteAfterMs || undefined,
    isClockTrusted: () => isTrusted,
    isDateDoubted: () => isDateDoubted,
    index: {
      addEvent: (event) => shown.push(event),
      mergeEvent: () => expect.fail(),
      paths: () => [],
      removeEventsBefore: (...what) => forgotten.push(what),
      removeEventsWithin: (...what) => forgotten.push(what),
    },
  });
  const end = new AbortController();
  onTestFinished(async () => {
    end.abort();
    await events.close();
    await flush.close();
    folder[Symbol.dispose]();
  });
  const none = { startUs: undefined, endUs: undefined, text: undefined, id: undefined, state: undefined };
  return {
    ...{ clock, events, shown, forgotten, folder: folder.path, signal: end.signal },
    tell: (event: Partial<ReportedEvent> = {}) => events.tell({ ...none, path: 'cam', type: 'motion', ...event }),
    distrust: () => {
      isTrusted = false;
    },
    doubtDate: () => {
      isDateDoubted = true;
    },
  };
}

test('an event from the API is shown at once, and on disk before the response', async () => {
  const { events, shown, tell } = await start();
  const telling = tell();
  expect(shown.map(({ source }) => source)).toEqual(['api']);
  expect(await telling).toEqual({ id: shown[0]?.id });
  expect(events.journal.hasUnsynced).toBe(false);
});

test('an event of a path that was just added is taken once the configuration is in force, others are not', async () => {
  const { shown, tell } = await start('paths: {}\n', 'paths: {cam: {}}\n');
  expect(await tell()).toEqual({ id: shown[0]?.id });
  await expect(tell({ path: 'other' })).rejects.toThrow("path 'other' is not configured");
});

test('an event that the disk rejects is shown but not acknowledged; the next one is once the disk accepts it', async () => {
  const { shown, folder, tell } = await start();
  mkdirSync(join(folder, 'events'));
  writeFileSync(join(folder, 'events/cam'), 'in the way of the folder');
  await expect(tell()).rejects.toMatchObject({ code: 'unavailable' });
  expect(shown).toHaveLength(1);
  rmSync(join(folder, 'events/cam'));
  expect(await tell()).toEqual({ id: shown[1]?.id });
});

test('events of cameras reach the disk with the flush round of recordings', async () => {
  const { clock, events, shown } = await start();
  const { id } = await events.hub.add({ path: 'cam', type: 'motion', source: 'camera' });
  expect(shown.map((event) => [event.id, event.source])).toEqual([[id, 'camera']]);
  expect(events.journal.hasUnsynced).toBe(true);
  await clock.advance(5_000);
  await expect.poll(() => events.journal.hasUnsynced).toBe(false);
});

test.for(['../../outside', 'a/../../../b', '/etc', 'a\0b', '~machine'])(
  'no event of %j is taken, whatever paths there may be',
  async (path) => {
    const { folder, tell } = await start();
    await expect(tell({ path })).rejects.toMatchObject({ code: 'badInput' });
    expect(existsSync(join(folder, '../outside'))).toBe(false);
    expect(filesBelow(folder)).toEqual([]);
  },
);

test('the events of one path in a range are deleted, and no others', async () => {
  const { clock, events, folder, forgotten, tell } = await start();
  await tell();
  await tell({ path: 'camera/two' });
  const nowUs = Math.round(clock.wallMs() * 1000);
  await events.deleteWithin('cam', nowUs + 1, nowUs + 2);
  expect(filesBelow(folder)).toHaveLength(2);
  await events.deleteWithin('cam', nowUs - 1, nowUs);
  expect(forgotten).toEqual([
    ['cam', nowUs + 1, nowUs + 2],
    ['cam', nowUs - 1, nowUs],
  ]);
  expect(filesBelow(folder)).toEqual([expect.stringContaining('camera/two/')]);
});

test('a label that comes after the deletion of its event does not write it again', async () => {
  const { clock, events, folder, tell } = await start();
  const nowUs = Math.round(clock.wallMs() * 1000);
  const { id } = await tell({ type: 'motion' });
  const kept = await tell({ type: 'motion', path: 'camera/two' });
  await events.deleteWithin('cam', nowUs, nowUs);
  await expect(events.hub.label('cam', id, [])).rejects.toMatchObject({ code: 'notFound' });
  await events.hub.label('camera/two', kept.id, []);
  expect(filesBelow(folder)).toEqual([expect.stringContaining('camera/two/')]);
});

test('before the clock is set an event starts now and keeps its duration', async () => {
  const { clock, shown, tell, distrust } = await start();
  distrust();
  const startUs = Date.UTC(2030, 0, 1) * 1000;
  await tell({ startUs, endUs: startUs + 3e6 });
  await tell({ startUs });
  const nowUs = clock.wallMs() * 1000;
  expect(shown.map((event) => [event.startUs, event.endUs])).toEqual([
    [nowUs, nowUs + 3e6],
    [nowUs, nowUs + 5e6],
  ]);
});

test('if open events of the previous run cannot be read, old events are still deleted, and the read is retried', async () => {
  const { clock, events, folder, signal, tell } = await start();
  const startUs = Date.UTC(2025, 8, 10) * 1000;
  await tell({ startUs, endUs: startUs });
  const leftOpen = vi.spyOn(events.journal, 'leftOpen').mockRejectedValueOnce(new Error('a fault of ours'));
  events.begin(signal);
  await expect.poll(() => filesBelow(folder)).toEqual([]);
  await clock.advance(6 * 3_600_000);
  await expect.poll(() => leftOpen.mock.calls.length).toBe(2);
  await clock.advance(6 * 3_600_000);
  expect(leftOpen.mock.calls.length).toBe(2);
});

test.for([
  ['go when the recordings of their path do', 'right', ['kept/2025-09.jsonl']],
  ['stay while the clock has not been set', 'not set', ['cam/2025-09.jsonl', 'kept/2025-09.jsonl']],
  ['stay while the date is in doubt', 'in doubt', ['cam/2025-09.jsonl', 'kept/2025-09.jsonl']],
] as const)('old events %s', async ([, date, files]) => {
  const { clock, events, forgotten, folder, signal, tell, distrust, doubtDate } = await start();
  const startUs = Date.UTC(2025, 8, 10) * 1000;
  await tell({ startUs, endUs: startUs });
  await tell({ path: 'kept', startUs, endUs: startUs });
  if (date === 'not set') {
    distrust();
  } else if (date === 'in doubt') {
    doubtDate();
  }
  events.begin(signal);
  await expect.poll(() => filesBelow(folder)).toEqual(files.map((file) => join(folder, 'events', file)));
  await clock.advance(1);
  const beforeUs = (clock.wallMs() - 1 - 30 * 86_400_000) * 1000;
  await expect.poll(() => forgotten).toEqual(date === 'right' ? [['cam', beforeUs]] : []);
});
