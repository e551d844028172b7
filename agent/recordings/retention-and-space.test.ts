import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MachineClock } from '../../system/boot-clock.ts';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { makeRecording } from '../../test/support/disks/recording-files.ts';
import { filesBelow, temporaryFolder } from '../../test/support/disks/recordings.ts';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { tinyH264, tinyVideo } from '../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../base/log.ts';
import { parseConfig, resolvePath } from '../config/load/load.ts';
import { formatRecordPath } from '../record/file/record-path.ts';
import type { RecordingCopies, StoredCopies } from '../record/store/recording-copies.ts';
import { Stream } from '../stream/stream.ts';
import { Recordings } from './recordings.ts';

const DAY_MS = 86_400_000;
const TEMPLATE = '%path/%Y-%m-%d_%H-%M-%S-%f';

/** Recordings of cameras that come and go. */
function startRecordings() {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  clock.stepWall(Date.UTC(2026, 5, 1) - clock.wallMs());
  const recordPath = join(folder.path, 'recordings', TEMPLATE);
  const configOf = (paths: string, more = '') => {
    const text = `perch: own\n${more}paths: {${paths}}\n`;
    const { config } = parseConfig(text, 'perch.yml', {}, { recordPath, cwd: folder.path, keys: KEYS });
    if (!config) {
      throw new Error('the configuration is wrong');
    }
    return config;
  };
  let config = configOf('');
  const machine = new MachineClock({
    ...{ clock, root: folder.path, memoryFile: join(folder.path, 'clock.json') },
    ...{ monoUs: () => clock.monoMs() * 1000, isSynchronized: async () => true },
  });
  const recordings = new Recordings(() => config, folder.path, clock, silentLogger, undefined, machine);
  const stop = new AbortController();
  recordings.begin(stop.signal, () => []);
  onTestFinished(async () => {
    stop.abort();
    await recordings.close();
    folder[Symbol.dispose]();
  });
  return {
    recordings,
    folder: folder.path,
    configure: async (paths: string, more?: string) => {
      config = configOf(paths, more);
      await recordings.configure();
    },
    /** The path is configured, and no stream has arrived yet. */
    expectStream: (path: string) => {
      const settings = resolvePath(config, path)?.settings;
      expect(settings && recordings.recorders.recorder(path, settings)).toBeDefined();
    },
    make: (path: string, ageDays: number, template = recordPath) =>
      makeRecording(formatRecordPath(template, path, clock.wallMs() - ageDays * DAY_MS, 'UTC')),
    /** A template whose folder lies in that of the default one. */
    inner: join(folder.path, 'recordings/evidence', TEMPLATE),
    /** Records what a camera's card has of this time. @returns the file */
    fetch: async (path: string, ageDays: number): Promise<string> => {
      const settings = resolvePath(config, path)?.settings ?? expect.fail('the path has no settings');
      const before = filesBelow(folder.path);
      const recorder = recordings.recorders.fetcher(path, settings, 'card');
      const stream = new Stream([tinyH264]);
      recorder.start(stream);
      for (const sample of tinyVideo(30, 10, 10, 900_000, clock.wallMs() - ageDays * DAY_MS)) {
        stream.write(0, sample);
      }
      stream.close();
      await recorder.stop();
      recordings.recorders.fetched(recorder);
      const [file, ...others] = filesBelow(folder.path).filter((one) => one.endsWith('.mp4') && !before.includes(one));
      expect(others).toEqual([]);
      return file ?? expect.fail('nothing was recorded');
    },
    /** The files that remain after `gone` are deleted, which takes at least this many minutes. */
    left: async (files: Record<string, string>, gone: readonly string[], minutes = 0) => {
      for (let i = 0; i < minutes; i += 1) {
        await clock.advance(60_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const there = () => Object.keys(files).filter((name) => existsSync(files[name] ?? ''));
      await expect
        .poll(() => clock.advance(60_000).then(() => gone.filter((name) => there().includes(name))), { interval: 1 })
        .toEqual([]);
      return there();
    },
  };
}

test('recordings of a camera expire by its retention, also after it is removed', async () => {
  const { configure, make, left } = startRecordings();
  const files = {
    ...{ 'door old': make('door', 15), 'door young': make('door', 13) },
    ...{ 'barn old': make('barn', 400), removed: make('removed', 400) },
  };
  await configure('door: { recordDeleteAfter: 14d }, barn: { recordDeleteAfter: 0s }');
  await configure('');
  expect(await left(files, ['door old'])).toEqual(['door young', 'barn old', 'removed']);
});

test('what was fetched from a card expires by the time of its pictures, not by that of the fetching', async () => {
  const { configure, fetch, left } = startRecordings();
  await configure('door: { recordDeleteAfter: 14d }');
  const files = { old: await fetch('door', 15), young: await fetch('door', 13) };
  expect(await left(files, ['old'])).toEqual(['young']);
});

test('recordings on a former disk expire too, but not while another disk is in its place', async () => {
  const { folder, configure, make, left } = startRecordings();
  const [own, other] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
  const before = join(folder, 'recordings');
  const known = { id: own, device: 1, totalBytes: 1, place: 'system' };
  writeFileSync(join(folder, 'disks.json'), JSON.stringify({ version: 1, folders: { [before]: known } }));
  const files = { old: make('door', 15), young: make('door', 13) };
  const setMark = (id: string) => writeFileSync(join(before, '.perch-disk'), id);
  setMark(other);
  const door = 'door: { recordDeleteAfter: 20d }';
  await configure(door);
  await configure(
    'door: { recordDeleteAfter: 14d }',
    `pathDefaults: { recordPath: '${join(folder, 'other', TEMPLATE)}' }\n`,
  );
  expect(await left(files, [], 180)).toEqual(['old', 'young']);
  setMark(own);
  expect(await left(files, ['old'])).toEqual(['young']);
});

test('a request for a removed camera by a matching pattern does not shorten its retention', async () => {
  const { configure, expectStream, make, left } = startRecordings();
  const files = { door: make('door', 15), guest: make('guest', 15) };
  await configure('door: { recordDeleteAfter: 30d }');
  await configure('all_others: { record: yes, recordDeleteAfter: 1d }');
  expectStream('door');
  expect(await left(files, ['guest'], 60)).toEqual(['door']);
});

describe("a camera's own recordPath in a folder of the default one", () => {
  test('its recordings expire by its retention, not by that of the path that their names would have there', async () => {
    const { configure, inner, make, left } = startRecordings();
    const own = `{ recordPath: '${inner}', recordDeleteAfter`;
    await configure(`door: ${own}: 0s }, gate: ${own}: 14d }, all_others: { recordDeleteAfter: 1d }`);
    const files = { door: make('door', 15, inner), old: make('gate', 15, inner), young: make('gate', 13, inner) };
    expect(await left(files, ['old'], 60)).toEqual(['door', 'young']);
  });

  test('they are listed under its name after the index is lost', async () => {
    const { configure, inner, make, recordings } = startRecordings();
    make('door', 15, inner);
    await configure(`door: { recordPath: '${inner}' }`);
    expect(await recordings.playback.names()).toEqual(['door']);
  });

  test('a camera of the default one that is named like the folder has its own retention', async () => {
    const { configure, expectStream, inner, make, left, recordings } = startRecordings();
    const others = 'all_others: { record: yes, recordDeleteAfter: 1d }';
    await configure(`door: { recordPath: '${inner}', recordDeleteAfter: 0s }, ${others}`);
    expectStream('evidence/gate');
    const files = { old: make('evidence/gate', 2), young: make('evidence/gate', 0.5) };
    expect(await recordings.playback.names()).toEqual(['evidence/gate']);
    expect(await left(files, ['old'])).toEqual(['young']);
  });

  test('what can be of two cameras by its name is deleted by neither retention', async () => {
    const { configure, inner, make, left } = startRecordings();
    const file = make('door', 40, inner);
    await configure(
      `door: { recordPath: '${inner}', recordDeleteAfter: 1d }, evidence/door: { recordDeleteAfter: 30d }`,
    );
    expect(await left({ file }, [], 60)).toEqual(['file']);
  });
});

const COPIES: RecordingCopies = {
  ...{ stored: undefined, away: undefined },
  isAwaited: () => false,
  deletedByHand: () => {},
  mayAppear: () => false,
};

test('retention asks whether there is a copy of a recording by its own time, also if its name has that of another zone', async () => {
  const { recordings, configure, fetch, left } = startRecordings();
  await configure('door: { recordDeleteAfter: 14d }');
  const file = await fetch('door', 15);
  const nameUs = recordings.playback.nameUsOf(file);
  const moved = file.replace('_00-', '_02-');
  renameSync(file, moved);
  recordings.playback.segmentLog.removed(file);
  await recordings.playback.rebuild(new AbortController().signal);
  const asked = new Set<number>();
  recordings.playback.copies.add({ ...COPIES, isAwaited: (recording) => !asked.add(recording.nameUs) });
  expect(await left({ moved }, ['moved'])).toEqual([]);
  expect([...asked]).toEqual([nameUs]);
});

test('deleting one recording by hand notifies the archive', async () => {
  const { recordings, configure, make } = startRecordings();
  await configure('door: {}');
  const file = make('door', 1);
  const deletedByHand: unknown[][] = [];
  recordings.playback.copies.add({
    ...COPIES,
    deletedByHand: (...deleted) => deletedByHand.push([...deleted, existsSync(file)]),
  });
  // The file is not a recording: only its start by name is known.
  expect(await recordings.segments('door')).toEqual([]);
  const start = recordings.playback.localTime(recordings.playback.startUsOf(file) ?? 0);
  await recordings.deleteSegment('door', start);
  expect(deletedByHand).toEqual([['door', Date.parse(start) * 1000, file, false]]);
});

test('a camera is deleted with copies that are known by name only, unless something of it is protected', async () => {
  const { recordings, configure } = startRecordings();
  await configure('yard: {}');
  const names = [1, 2, 3];
  const known = { path: 'yard', nameUs: 9, name: '9.mp4', sizeBytes: 1, facts: '' };
  const stored: StoredCopies = {
    ...{ find: () => undefined, paths: () => [], open: () => expect.unreachable() },
    after: (path, afterUs) =>
      [...names.map((nameUs) => ({ ...known, nameUs, facts: undefined })), known].filter(
        (copy) => copy.path === path && copy.nameUs > afterUs,
      ),
    remove: async (_path, nameUs) => void names.splice(names.indexOf(nameUs), 1),
  };
  recordings.playback.copies.add({ ...COPIES, stored });
  const range = await recordings.space.protectedRanges.add({ path: 'yard', startUs: 1, endUs: 2, note: '' });
  expect(await recordings.space.deletePath('yard')).toMatchObject({ deleted: 0 });
  await recordings.space.protectedRanges.remove(range.id);
  expect(await recordings.space.deletePath('yard')).toMatchObject({ deleted: 3 });
  expect(names).toEqual([]);
});
