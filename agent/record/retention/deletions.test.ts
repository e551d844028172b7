import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { makeRecording, type Writer } from '../../../test/support/disks/recording-files.ts';
import { SegmentLogBook, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import { checksumPacket } from '../mpegts/ts-checksum.ts';
import { type DeletionDeps, Deletions } from './deletions.ts';

const HOUR_US = 3_600_000_000;
const START_US = Date.UTC(2026, 6, 1) * 1000;

function setUp(options: Partial<DeletionDeps> = {}) {
  const log = new SegmentLogBook();
  const freed: number[] = [];
  const deletions = new Deletions({
    clock: { sleep: async () => {} },
    log,
    isOpen: () => false,
    protection: { fault: undefined, isProtected: () => false },
    isClockTrusted: () => true,
    freed: (_file, diskBytes) => freed.push(diskBytes),
    logger: silentLogger,
    ...options,
  });
  const doomed = (file: string, isDated = false) => ({ file, path: 'cam', startsUs: [START_US], isDated });
  return { deletions, log, freed, doomed };
}

test.for([
  ['perch', 'deleted', 'deleted'],
  ['mediamtx', 'deleted', 'kept'],
  ['perch without a clock', 'kept', 'deleted'],
  ['unknown', 'kept', 'kept'],
] as const)('a recording of %s is %s by its age and %s for space', async ([writer, byAge, forSpace]) => {
  using folder = temporaryFolder();
  const { deletions, doomed } = setUp();
  const old = makeRecording(join(folder.path, 'old.mp4'), writer as Writer);
  const large = makeRecording(join(folder.path, 'large.mp4'), writer as Writer);
  expect((await deletions.delete(doomed(old), 'age')).kind).toBe(byAge);
  expect((await deletions.delete(doomed(large), 'space')).kind).toBe(forSpace);
  expect([existsSync(old), existsSync(large)]).toEqual([byAge === 'kept', forSpace === 'kept']);
});

test('while the date is in doubt nothing expires, but recordings are still deleted for space', async () => {
  using folder = temporaryFolder();
  let doubt: string | undefined = 'the date is 1137 days after the newest recording';
  const lines: { msg: string }[] = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  const { deletions, doomed } = setUp({ dateDoubt: () => doubt, logger });
  const file = makeRecording(join(folder.path, 'a.mp4'), 'perch');
  const large = makeRecording(join(folder.path, 'b.mp4'), 'perch');
  for (let i = 0; i < 3; i += 1) {
    expect(await deletions.delete(doomed(file), 'age')).toEqual({ kind: 'kept', because: 'refused' });
  }
  expect([deletions.hold, deletions.ageHold, deletions.ageHoldWord]).toEqual([undefined, doubt, 'date']);
  expect((await deletions.delete(doomed(large), 'space')).kind).toBe('deleted');
  doubt = undefined;
  expect((await deletions.delete(doomed(file), 'age')).kind).toBe('deleted');
  expect(lines.map(({ msg }) => msg)).toEqual([
    'no recordings are deleted by age',
    'the date is correct, deleting by age resumes',
  ]);
});

test('a recording that waits for the archive does not expire, but is deleted for space and by hand', async () => {
  using folder = temporaryFolder();
  let isAwaited = true;
  const { deletions, doomed } = setUp({ isAwaited: () => isAwaited });
  const [old = '', large = '', deletedByHand = ''] = ['a', 'b', 'c'].map((name) =>
    makeRecording(join(folder.path, `${name}.mp4`)),
  );
  expect(await deletions.delete(doomed(old), 'age')).toEqual({ kind: 'kept', because: 'awaited' });
  expect((await deletions.delete(doomed(large), 'space')).kind).toBe('deleted');
  expect((await deletions.delete(doomed(deletedByHand), 'hand')).kind).toBe('deleted');
  isAwaited = false;
  expect((await deletions.delete(doomed(old), 'age')).kind).toBe('deleted');
});

test('what is deleted for space or size has made room, what is deleted by age or by hand has not', async () => {
  using folder = temporaryFolder();
  const made: string[] = [];
  const { deletions, doomed } = setUp({ madeRoom: (path) => made.push(path) });
  for (const reason of ['age', 'space', 'hand', 'size'] as const) {
    const file = makeRecording(join(folder.path, `${reason}.mp4`));
    expect((await deletions.delete({ ...doomed(file), path: reason }, reason)).kind).toBe('deleted');
  }
  expect(made).toEqual(['space', 'size']);
});

test('a recording named by an unset clock expires once its time is known', async () => {
  using folder = temporaryFolder();
  const { deletions, doomed } = setUp();
  const file = makeRecording(join(folder.path, 'a.mp4'), 'perch without a clock');
  expect(await deletions.delete(doomed(file), 'age')).toEqual({ kind: 'kept', because: 'undated' });
  expect((await deletions.delete(doomed(file, true), 'age')).kind).toBe('deleted');
});

test.for([
  ['a text', Buffer.from('shopping list')],
  ['an empty file', Buffer.alloc(0)],
  ['zeros, as a power cut leaves them', Buffer.alloc(5_000)],
] as const)('%s with the name of a recording is not deleted', async ([_, bytes]) => {
  using folder = temporaryFolder();
  const { deletions, doomed, log } = setUp();
  for (const name of ['a.mp4', 'a.ts']) {
    const file = join(folder.path, name);
    writeFileSync(file, bytes);
    expect(await deletions.delete(doomed(file), 'age')).toEqual({ kind: 'kept', because: 'no recording' });
    expect(existsSync(file)).toBe(true);
  }
  expect(log.removedFiles).toEqual([]);
});

test("a transport stream is deleted by age, and for space only if it ends with Perch's checksum", async () => {
  using folder = temporaryFolder();
  const { deletions, doomed } = setUp();
  const packets = Buffer.alloc(188 * 4);
  for (let at = 0; at < packets.length; at += 188) {
    packets[at] = 0x47;
  }
  const file = join(folder.path, 'a.ts');
  writeFileSync(file, packets);
  expect(await deletions.delete(doomed(file), 'space')).toEqual({ kind: 'kept', because: 'not ours' });
  expect((await deletions.delete(doomed(file), 'age')).kind).toBe('deleted');
  const checksum = checksumPacket({ fileId: 1, partOffset: 0, durationMs: 4_000, isLast: true });
  writeFileSync(file, Buffer.concat([packets, checksum]));
  expect((await deletions.delete(doomed(file), 'space')).kind).toBe('deleted');
});

test('a recording is protected by label and by name, and with the maximum duration if its own is unknown', async () => {
  using folder = temporaryFolder();
  const file = makeRecording(join(folder.path, 'a.mp4'));
  const kept = { kind: 'kept', because: 'protected' };
  const asked: number[][] = [];
  const isProtected = (_path: string, fromUs: number, toUs: number) => {
    asked.push([fromUs, toUs - fromUs]);
    return fromUs === START_US - HOUR_US;
  };
  const { deletions } = setUp({ protection: { fault: undefined, isProtected } });
  const doomed = { file, path: 'cam', startsUs: [START_US, START_US - HOUR_US], isDated: true };
  expect(await deletions.delete(doomed, 'age')).toEqual(kept);
  expect(await deletions.delete(doomed, 'space')).toEqual(kept);
  expect(asked[0]).toEqual([START_US, 24 * HOUR_US]);
});

test.for([
  ['while the clock is not set', { isClockTrusted: () => false }, 'the clock has not been set'],
  [
    'while the protected ranges are unknown',
    { protection: { fault: 'cannot read protected.json', isProtected: () => false } },
    'cannot read protected.json',
  ],
] as const)('%s nothing is deleted for any reason', async ([_, deps, why]) => {
  using folder = temporaryFolder();
  const { deletions, doomed } = setUp(deps);
  const file = makeRecording(join(folder.path, 'a.mp4'));
  expect(deletions.hold).toContain(why);
  for (const reason of ['age', 'space'] as const) {
    expect(await deletions.delete(doomed(file), reason)).toEqual({ kind: 'kept', because: 'refused' });
  }
  expect(existsSync(file)).toBe(true);
});

test('a recording that is being written is not deleted', async () => {
  using folder = temporaryFolder();
  const file = makeRecording(join(folder.path, 'a.mp4'));
  const { deletions, doomed } = setUp({ isOpen: (name) => name === file });
  expect(await deletions.delete(doomed(file), 'space')).toEqual({ kind: 'kept', because: 'written' });
});

test('a recording started while its header is read is not deleted', async () => {
  using folder = temporaryFolder();
  const file = makeRecording(join(folder.path, 'a.mp4'));
  let questions = 0;
  const { deletions, doomed } = setUp({ isOpen: () => ++questions > 1 });
  expect((await deletions.delete(doomed(file), 'space')).kind).toBe('kept');
  expect(existsSync(file)).toBe(true);
});

test('companion files are deleted with a recording, and the freed bytes are reported', async () => {
  using folder = temporaryFolder();
  const file = makeRecording(join(folder.path, 'a.mp4'), 'perch', 100_000);
  const still = join(folder.path, 'a.jpg');
  writeFileSync(still, 'x');
  const { deletions, doomed, freed, log } = setUp({ companions: async () => [still, join(folder.path, 'gone.jpg')] });
  const { kind } = await deletions.delete(doomed(file), 'space');
  expect([kind, existsSync(file), existsSync(still)]).toEqual(['deleted', false, false]);
  expect(log.removedFiles).toEqual([file]);
  expect(freed[0]).toBeGreaterThanOrEqual(100_000);
});

test('a file that is already gone is reported to the index', async () => {
  using folder = temporaryFolder();
  const { deletions, doomed, log } = setUp();
  const file = join(folder.path, 'gone.mp4');
  expect(await deletions.delete(doomed(file), 'age')).toEqual({ kind: 'gone' });
  expect(log.removedFiles).toEqual([file]);
});

test('empty folders are removed up to the common one, others stay', async () => {
  using folder = temporaryFolder();
  const deep = join(folder.path, 'cam/2026/07');
  const used = join(folder.path, 'door/2026');
  mkdirSync(deep, { recursive: true });
  mkdirSync(used, { recursive: true });
  writeFileSync(join(folder.path, 'door/note.txt'), 'x');
  await setUp().deletions.removeEmptyFolders(folder.path, [deep, used]);
  const left = [join(folder.path, 'cam'), used, join(folder.path, 'door/note.txt'), folder.path].map(existsSync);
  expect(left).toEqual([false, false, true, true]);
});
