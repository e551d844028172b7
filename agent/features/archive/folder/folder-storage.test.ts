import { execFileSync } from 'node:child_process';
import {
  closeSync,
  globSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ArchiveHarness, sha256 } from '../../../../test/features/archive/support/archive-harness.ts';
import { ArchiveState } from '../copies/archive-state.ts';
import { FolderStorage } from './folder-storage.ts';

/** A NAS that is mounted at this folder. */
function nasOf(box: ArchiveHarness): string {
  const nas = join(box.folder, 'nas');
  mkdirSync(nas);
  return nas;
}

function expectCopied(nas: string, box: ArchiveHarness): void {
  const files = globSync(`${nas}/**/*`, { withFileTypes: true }).filter((one) => one.isFile());
  const names = files.map(({ name }) => name).sort();
  expect(names.filter((name) => name.endsWith('.mp4')).length).toBe(box.recordings.length);
  expect(names.filter((name) => !name.endsWith('.mp4'))).toEqual([]);
  const copies = files.filter(({ name }) => name.endsWith('.mp4')).map((one) => join(one.parentPath, one.name));
  // Like the recordings, not for every user of the box.
  expect(copies.filter((file) => (statSync(file).mode & 0o777) !== 0o640)).toEqual([]);
  expect(copies.map((file) => sha256(readFileSync(file))).sort()).toEqual(
    box.recordings.map(({ file }) => sha256(readFileSync(file))).sort(),
  );
}

const FOLDER = { archive: 'folder' } as const;

test('recordings are copied to a folder, and a restart copies nothing again', async () => {
  const box = new ArchiveHarness();
  const archiveFolder = nasOf(box);
  box.record();
  const link = await box.link({ ...FOLDER, archiveFolder });
  await box.settled(link);
  expectCopied(archiveFolder, box);
  await link.close();
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(join(box.dataDir, `archive.db${suffix}`), { force: true });
  }
  const next = await box.link({ ...FOLDER, archiveFolder });
  await box.until(() => box.recordings.every((one) => !next.isAwaited(one, one.file)));
  expectCopied(archiveFolder, box);
});

test('a copy that was interrupted at any chunk continues there, and leaves nothing behind', async () => {
  for (let chunk = 1; chunk < 6; chunk += 1) {
    const box = new ArchiveHarness();
    const archiveFolder = nasOf(box);
    box.record([5 << 20]);
    const link = await box.link({ ...FOLDER, archiveFolder, archiveMaxRateBytes: 1 << 20 });
    await box.until(() => (link.status.current?.sentBytes ?? 0) >= chunk << 20);
    const restore = box.snapshot();
    await link.close();
    restore();
    const next = await box.link({ ...FOLDER, archiveFolder });
    await box.settled(next);
    expect(next.status.uploaded.bytes).toBeLessThanOrEqual((5 - chunk) << 20);
    expectCopied(archiveFolder, box);
  }
});

test('a copy that was damaged by a power cut continues at the damage', async () => {
  const box = new ArchiveHarness();
  const archiveFolder = nasOf(box);
  box.record([5 << 20]);
  const link = await box.link({ ...FOLDER, archiveFolder, archiveMaxRateBytes: 1 << 20 });
  await box.until(() => (link.status.current?.sentBytes ?? 0) >= 4 << 20);
  await link.close();
  const [draft = ''] = globSync(`${archiveFolder}/**/incoming.part`);
  const bytes = readFileSync(draft);
  // Zeros, as some file systems leave them, and more than the recording has.
  writeFileSync(draft, Buffer.concat([bytes.fill(0, 2_500_000), Buffer.alloc(6 << 20)]));
  const next = await box.link({ ...FOLDER, archiveFolder });
  await box.settled(next);
  expect(next.status.uploaded.bytes).toBe(3 << 20);
  expectCopied(archiveFolder, box);
});

const openFiles = (): string[] =>
  readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // Closed meanwhile.
      return '';
    }
  });

test('a recording that is deleted while it is copied frees its space, and leaves no part of it', async () => {
  const box = new ArchiveHarness();
  const archiveFolder = nasOf(box);
  const [first] = box.record([5 << 20, 1_000]);
  const link = await box.link({ ...FOLDER, archiveFolder, archiveMaxRateBytes: 1 << 20 });
  await box.until(() => (link.status.current?.sentBytes ?? 0) >= 2 << 20);
  // It is open during reads only.
  await expect.poll(openFiles).not.toContain(first?.file);
  rmSync(first?.file ?? '');
  box.recordings.shift();
  await box.until(() => link.status.archived.files === 1 && link.status.waiting.files === 0);
  await box.clock.advance(3_600_000);
  await box.until(() => globSync(`${archiveFolder}/**/incoming.part`).length === 0);
  expectCopied(archiveFolder, box);
});

test('a folder that is absent, or whose disk is no longer mounted, is not written to', async () => {
  const box = new ArchiveHarness();
  const archiveFolder = join(box.folder, 'nas');
  box.record([1_000]);
  const link = await box.link({ ...FOLDER, archiveFolder });
  await box.until(() => link.status.failure !== undefined && link.status.waiting.files === 1);
  expect(link.status.failure?.why).toBe('missing');
  mkdirSync(archiveFolder);
  await box.settled(link);
  // The mount point remains when the disk goes.
  renameSync(archiveFolder, `${archiveFolder}-away`);
  mkdirSync(archiveFolder);
  box.record([2_000]);
  await box.until(() => link.status.failure !== undefined);
  expect(link.status.failure).toMatchObject({ why: 'missing', error: expect.stringContaining('is its disk mounted?') });
  expect(globSync(`${archiveFolder}/**/*`)).toEqual([]);
  rmSync(archiveFolder, { recursive: true });
  renameSync(`${archiveFolder}-away`, archiveFolder);
  await box.settled(link);
  expectCopied(archiveFolder, box);
});

test('a damaged copy of the same size is replaced', async () => {
  const box = new ArchiveHarness();
  const archiveFolder = nasOf(box);
  box.record([2 << 20]);
  const link = await box.link({ ...FOLDER, archiveFolder });
  await box.settled(link);
  await link.close();
  const [copy = ''] = globSync(`${archiveFolder}/**/*.mp4`);
  writeFileSync(copy, Buffer.alloc(2 << 20));
  rmSync(join(box.dataDir, 'archive.db'));
  const next = await box.link({ ...FOLDER, archiveFolder });
  await box.until(() => box.recordings.every((one) => !next.isAwaited(one, one.file)));
  expectCopied(archiveFolder, box);
});

test('nothing is copied that would fill the disk of the folder', async () => {
  const box = new ArchiveHarness();
  const storage = new FolderStorage({ folder: nasOf(box), own: 'perch/box/', isMarked: false });
  const never = () => Promise.reject(new Error('it was read'));
  const upload = { key: 'perch/box/yard/a.mp4', sizeBytes: 2 ** 50, read: never, pace: never, begun: async () => {} };
  const put = storage.put({
    ...{ ...upload, checkPoint: () => {}, sent: () => {}, unfinished: undefined },
    signal: new AbortController().signal,
  });
  await expect(put).rejects.toMatchObject({
    context: { why: 'full' },
    message: expect.stringContaining('nearly full'),
  });
});

test('a disk that hangs holds one thread and neither a start nor an end; the state says since when, and what waits', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const box = new ArchiveHarness();
  const archiveFolder = nasOf(box);
  const own = join(archiveFolder, 'perch/0123456789ab');
  mkdirSync(own, { recursive: true });
  // open(2) of a pipe without a reader blocks.
  const mark = join(own, '.perch-archive');
  execFileSync('mkfifo', [mark]);
  await ArchiveState.create(box.dataDir, '0123456789ab');
  box.record([1_000, 2_000]);
  const link = await box.link({ ...FOLDER, archiveFolder });
  await box.until(() => vi.getTimerCount() > 0);
  vi.advanceTimersByTime(60_000);
  await box.until(() => link.status.waiting.files === 2);
  const { why, sinceMs = 0 } = link.status.failure ?? {};
  expect(why).toBe('timeout');
  // A week. Another thread for each try would leave none for other files.
  for (let day = 0; day < 7; day += 1) {
    await box.clock.advance(86_400_000);
    await box.until(() => link.status.waiting.files === 2);
  }
  expect(link.status).toMatchObject({ failure: { why: 'timeout', sinceMs }, waiting: { files: 2, bytes: 3_000 } });
  let isClosed = false;
  void link.close().then(() => {
    isClosed = true;
  });
  await box.until(() => isClosed);
  const next = await box.link({ ...FOLDER, archiveFolder });
  await box.until(() => next.status.failure?.why === 'timeout' && next.status.waiting.files === 2);
  // The disk answers.
  closeSync(openSync(mark, 'r+'));
  rmSync(mark);
  await box.settled(next);
  expectCopied(archiveFolder, box);
});

test('an end does not wait for an upload to a disk that hangs', async () => {
  let reader: number | undefined;
  // The disk answers.
  onTestFinished(() => closeSync(reader ?? 0));
  const box = new ArchiveHarness();
  const archiveFolder = nasOf(box);
  const own = join(archiveFolder, 'perch/0123456789ab');
  mkdirSync(own, { recursive: true });
  const mark = join(own, '.perch-archive');
  execFileSync('mkfifo', [mark]);
  await ArchiveState.create(box.dataDir, '0123456789ab');
  const link = await box.link({ ...FOLDER, archiveFolder });
  await box.clock.advance(1_000);
  let isClosed = false;
  void link.close().then(() => {
    isClosed = true;
  });
  await box.clock.advance(4_000);
  expect(isClosed).toBe(false);
  await box.until(() => isClosed);
  reader = openSync(mark, 'r+');
});
