import { renameSync, rmSync, statSync, symlinkSync, truncateSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { countOf, openCatalog, settle } from '../../../test/support/disks/catalog.ts';
import { failBelow } from '../../../test/support/disks/failing-disk.ts';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { TEMPLATE } from '../../../test/support/harness/playback.ts';
import { silentLogger } from '../../base/log.ts';

test('recordings stay listed when recordPath is changed, and also when the index is lost afterwards', async () => {
  using folder = temporaryFolder();
  const [before, after] = ['old', 'new'].map((name) => join(folder.path, name));
  const templates = [after, before].map((at) => join(at ?? '', TEMPLATE));
  await record(before ?? '', 2);
  {
    await using playback = openCatalog(folder.path, { recordPaths: templates.slice(1) });
    expect(await countOf(playback)).toBe(1);
  }
  await record(after ?? '', 2, { wall: WALL + 60_000 });
  {
    await using playback = openCatalog(folder.path, { recordPaths: templates.slice(0, 1) });
    expect(await countOf(playback)).toBe(2);
  }
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(join(folder.path, `segments.db${suffix}`), { force: true });
  }
  await using playback = openCatalog(folder.path, { recordPaths: templates.slice(0, 1) });
  expect(await countOf(playback)).toBe(2);
});

test('a path that is no longer configured is listed and played; an unknown one is rejected', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  await using playback = openCatalog(folder.path, { recordPaths: [join(folder.path, TEMPLATE)], paths: ['other'] });
  expect(await playback.names()).toEqual(['cam']);
  expect(await playback.list('cam', undefined, undefined, 'http://h')).toHaveLength(1);
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 1e6, format: 'mp4' } as const;
  expect((await playback.get(query)).file.sizeBytes).toBeGreaterThan(0);
  expect(await playback.segments('never')).toBeUndefined();
  await expect(playback.list('never', undefined, undefined, '')).rejects.toThrow("path 'never' is not configured");
  await expect(playback.list('playback/cam', undefined, undefined, '')).rejects.toThrow(
    "path 'playback/cam' is not configured: leave out 'playback/' on this port",
  );
});

test('recordings on a missing disk are listed, playing them reports why not, and they return with the disk', async () => {
  using folder = temporaryFolder();
  const disk = join(folder.path, 'disk');
  const [file = ''] = await record(disk, 2);
  settle(dirname(file));
  const warnings: unknown[] = [];
  const logger = { ...silentLogger, warn: (...logged: unknown[]) => warnings.push(logged[1]) } as typeof silentLogger;
  const setup = { recordPaths: [join(disk, TEMPLATE)], paths: ['cam', 'never'], logger };
  {
    await using playback = openCatalog(folder.path, setup);
    expect(await countOf(playback)).toBe(1);
  }
  renameSync(disk, join(folder.path, 'unplugged'));
  // The mount point of a missing disk is an empty folder of another disk.
  symlinkSync('/proc/self/task', disk);
  {
    await using playback = openCatalog(folder.path, setup);
    expect(await countOf(playback)).toBe(1);
    const query = { path: 'cam', startUs: WALL * 1000, durationUs: 1e6, format: 'mp4' } as const;
    await expect(playback.get(query)).rejects.toMatchObject({
      code: 'unavailable',
      message: `the disk of ${disk} is missing: mount it, or accept the mounted one with POST /v3/disks/accept`,
    });
    // An unknown path says nothing about the disk.
    await expect(playback.list('never', undefined, undefined, '')).rejects.toThrow('no recording segments found');
    expect(() => playback.requireAvailable('cam')).toThrow('is missing');
    await expect(playback.frame('cam', WALL * 1000 + 1e6)).rejects.toThrow('is missing');
    expect(await playback.list('cam', undefined, undefined, '')).toHaveLength(1);
    expect(warnings.filter((text) => text === 'cannot scan for recordings')).toHaveLength(1);
  }
  unlinkSync(disk);
  renameSync(join(folder.path, 'unplugged'), disk);
  await using playback = openCatalog(folder.path, setup);
  expect(playback.isFinished(file)).toBe(true);
  expect(await countOf(playback)).toBe(1);
});

test('while the new disk is missing the old one is listed and played, and a truncated recording is not lost', async () => {
  using folder = temporaryFolder();
  const [before = '', after = ''] = ['old', 'new'].map((name) => join(folder.path, name));
  const templates = [after, before].map((at) => join(at, TEMPLATE));
  await record(before, 2);
  {
    await using playback = openCatalog(folder.path, { recordPaths: templates.slice(1) });
    expect(await countOf(playback)).toBe(1);
  }
  const [cut = ''] = await record(after, 4, { wall: WALL + 60_000 });
  truncateSync(cut, statSync(cut).size - 700);
  const setup = { recordPaths: templates.slice(0, 1) };
  {
    await using playback = openCatalog(folder.path, setup);
    expect(await countOf(playback)).toBe(2);
  }
  settle(dirname(cut));
  renameSync(after, join(folder.path, 'unplugged'));
  symlinkSync('/proc/self/task', after);
  await using playback = openCatalog(folder.path, setup);
  expect(await playback.names()).toEqual(['cam']);
  expect(await countOf(playback)).toBe(2);
  const get = (startUs: number) => playback.get({ path: 'cam', startUs, durationUs: 1e6, format: 'mp4' });
  expect((await get(WALL * 1000)).file.sizeBytes).toBeGreaterThan(0);
  await expect(get((WALL + 60_000) * 1000)).rejects.toMatchObject({ code: 'unavailable' });
  // Retention finding no file says nothing about the disk.
  playback.segmentLog.removed(cut);
  playback.requireAvailable('cam');
  unlinkSync(after);
  renameSync(join(folder.path, 'unplugged'), after);
  expect(await countOf(playback)).toBe(2);
  expect((await get((WALL + 60_000) * 1000)).file.sizeBytes).toBeGreaterThan(0);
});

test('with a mounted disk that is pulled, the recordings on other disks are listed and played, and the index keeps all', async () => {
  using folder = temporaryFolder();
  const [old = '', pulled = ''] = ['old', 'pulled'].map((name) => join(folder.path, name));
  await record(old, 2);
  {
    await using playback = openCatalog(folder.path, { recordPaths: [join(old, TEMPLATE)] });
    expect(await countOf(playback)).toBe(1);
  }
  await record(pulled, 2, { wall: WALL + 60_000 });
  // Its folders have changed, so they are read.
  const setup = { recordPaths: [join(pulled, TEMPLATE)] };
  {
    await using playback = openCatalog(folder.path, setup);
    expect(await countOf(playback)).toBe(2);
    await record(pulled, 2, { wall: WALL + 120_000 });
    using disk = failBelow(pulled);
    expect(await playback.names()).toEqual(['cam']);
    expect(await countOf(playback)).toBe(2);
    const get = (startUs: number) => playback.get({ path: 'cam', startUs, durationUs: 1e6, format: 'mp4' });
    expect((await get(WALL * 1000)).file.sizeBytes).toBeGreaterThan(0);
    await expect(get((WALL + 60_000) * 1000)).rejects.toMatchObject({
      code: 'unavailable',
      message: `the disk of ${pulled} reports an error: check it and its cable`,
    });
    expect(disk.asked).not.toEqual([]);
  }
  await using playback = openCatalog(folder.path, setup);
  expect(await countOf(playback)).toBe(3);
});

test('an unreadable folder does not affect others on its disk', async () => {
  using folder = temporaryFolder();
  const [[first = ''] = [], [second = ''] = []] = [
    await record(folder.path, 2, { path: 'cam' }),
    await record(folder.path, 2, { path: 'garden' }),
  ];
  await using playback = openCatalog(folder.path, {
    recordPaths: [join(folder.path, TEMPLATE)],
    paths: ['cam', 'garden'],
  });
  using _damaged = failBelow(dirname(first));
  expect(await playback.names()).toEqual(['garden']);
  expect(await countOf(playback, 'garden')).toBe(1);
  expect(playback.isFinished(second)).toBe(true);
});
