import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { byLength, LENGTH } from '../../../test/peers/programs/peers.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { MemoryFile } from '../../../test/support/disks/memory-file.ts';
import {
  asNobody,
  feed,
  filesBelow,
  startRecorder,
  temporaryFolder,
  WALL,
} from '../../../test/support/disks/recordings.ts';
import {
  type Clip,
  clipOf,
  LATER,
  layoutOf,
  recovered,
  unfinished,
} from '../../../test/support/disks/unfinished-clips.ts';
import { tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../../base/log.ts';
import { join as joinBytes, text, u32 } from '../../media/mp4/box/boxes.ts';
import { readRecordingHead } from '../file/recording-file.ts';
import { readRecordingTable } from '../file/recording-table.ts';
import { recoverFile, recoverRecordings } from './recovery.ts';
import { planRecovery } from './recovery-plan.ts';

const TEMPLATE = '%path/%Y-%m-%d_%H-%M-%S-%f';
/** More than the boxes before a fragment's media take. */
const HEAD_BYTES = 1_500;
/** Pictures large enough for parts of some 22 kB. */
async function largeClip(folder: string): Promise<Clip> {
  const next = random(11);
  await using running = startRecorder(folder);
  const video = tinyVideo(40, 10, 10, 0, WALL).map((sample) => ({
    ...sample,
    data: Uint8Array.from({ length: 1_500 + Math.floor(next() * 1_500) }, () => next() * 256),
  }));
  feed(running.stream, [video]);
  running.stream.close();
  await running.recorder.stop();
  return clipOf(running.log.names[0] ?? '');
}

test('cut at any byte of the last two fragments, every complete fragment is kept and nothing else', async () => {
  using folder = temporaryFolder();
  const { bytes, layout } = await largeClip(folder.path);
  const [beforeLast = 0, last = 0, end = 0] = layout.ends.slice(-3);
  expect(end - last).toBeGreaterThan(20_000);
  const file = new MemoryFile(bytes);
  for (let cut = beforeLast; cut <= end; cut += 1) {
    const [from, to] = cut < last ? [beforeLast, last] : [last, end];
    // In the short length every byte of boxes' heads, and every 21st of the media between them.
    if (LENGTH === 'short' && Math.min(cut - from, to - cut) > HEAD_BYTES && cut % 21 !== 0) {
      continue;
    }
    file.sizeBytes = cut;
    const plan = await planRecovery(file, LATER);
    const endOffset = cut >= end ? end : cut >= last ? last : beforeLast;
    if (plan.kind !== 'plan' || plan.endOffset !== endOffset || plan.lostBytes !== cut - endOffset) {
      expect.fail(`cut at ${cut}, expected to be kept up to ${endOffset}: ${JSON.stringify(plan)}`);
    }
  }
});

test('a recovered file is the same, byte by byte, as one that was finished in good order', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const { result, bytes } = await recovered(clip, clip.bytes);
  expect(result).toEqual({ kind: 'recovered', durationMs: 4000, sizeBytes: clip.whole.length, lostBytes: 0 });
  expect(bytes.equals(clip.whole)).toBe(true);
  expect(statSync(clip.file).mtimeMs).toBe(WALL + 4_000);
  expect(await recoverFile(clip.file, LATER)).toEqual({ kind: 'finished' });
});

test('a writable file of another owner, as on a foreign mount, is finished and keeps its times', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  writeFileSync(clip.file, clip.bytes);
  const result = await asNobody(folder.path, () => recoverFile(clip.file, LATER));
  expect(result).toMatchObject({ kind: 'recovered', durationMs: 4000 });
  expect(readFileSync(clip.file).equals(clip.whole)).toBe(true);
});

test('an end with a damaged copy of the header does not overwrite the header', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const left = Buffer.from(clip.whole);
  left.writeUInt32BE(0, clip.layout.durationOffset);
  // The handler's name, in the copy, which is still read as a header.
  const copy = left.indexOf('ftyp', clip.layout.ends.at(-1)) - 4;
  const name = left.indexOf('hdlr', copy) + 4 + 4 + 4 + 4 + 12;
  left.fill(0x41, name, name + 4);
  const { result, bytes } = await recovered(clip, left);
  expect(result).toMatchObject({ kind: 'recovered', durationMs: 4000, lostBytes: 0 });
  expect(bytes.equals(clip.whole)).toBe(true);
});

test('a file cut anywhere in its end is finished again, and nothing is said to be lost', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const end = clip.layout.ends.at(-1) ?? 0;
  const left = Buffer.from(clip.whole);
  left.writeUInt32BE(0, clip.layout.durationOffset);
  for (let cut = end + 8; cut <= left.length; cut += cut > end + 200 && cut < left.length - 20 ? 97 : 1) {
    const { result, bytes } = await recovered(clip, left.subarray(0, cut));
    expect(result).toMatchObject({ kind: 'recovered', durationMs: 4000, lostBytes: 0 });
    expect(bytes.equals(clip.whole)).toBe(true);
  }
});

test.for([
  ['zeros', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(5_000)])],
  ['garbage', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(5_000, 0xa5)])],
  [
    'a box without an end',
    (bytes: Buffer) => Buffer.concat([bytes, joinBytes([u32(0), text('mdat'), Buffer.alloc(99)])]),
  ],
  ['the head of a box', (bytes: Buffer) => Buffer.concat([bytes, joinBytes([u32(900), text('moof')])])],
  [
    'an older fragment',
    (bytes: Buffer, ends: readonly number[]) => Buffer.concat([bytes, bytes.subarray(ends[0], ends[1])]),
  ],
] as const)('%s after the last fragment are cut away', async ([, spoil]) => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const { result, bytes } = await recovered(clip, spoil(clip.bytes, clip.layout.ends));
  expect(result).toMatchObject({ kind: 'recovered', durationMs: 4000 });
  expect(bytes.equals(clip.whole)).toBe(true);
});

test('another file’s fragments in freed blocks do not count as this file’s, even with matching number and time', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const other = await unfinished(join(folder.path, 'other'));
  const [, , third = 0, fourth = 0] = other.layout.ends;
  const left = Buffer.concat([clip.bytes.subarray(0, clip.layout.ends[2]), other.bytes.subarray(third, fourth)]);
  const { result } = await recovered(clip, left);
  expect(result).toMatchObject({ kind: 'recovered', lostBytes: fourth - third });
  // The number alone is not enough either: without its checksum it is not the fragment that was written.
  const forged = Buffer.from(clip.bytes);
  forged.writeUInt8(forged.readUInt8(forged.length - 700) ^ 1, forged.length - 700);
  expect((await recovered(clip, forged)).result).toMatchObject({ kind: 'recovered', lostBytes: fourth - third });
});

test('a file without checksums ends at a fragment that steps back in time, even with the next number', async () => {
  using folder = temporaryFolder();
  const { bytes, layout } = await unfinished(folder.path);
  const [first = 0, second = 0] = layout.ends;
  const unmarked = Buffer.from(bytes.subarray(0, second));
  unmarked.write('none', unmarked.indexOf('prch'));
  const again = Buffer.from(bytes.subarray(layout.initBytes, first));
  again.writeUInt32BE(again.readUInt32BE(20) + 2, 20);
  const plan = await planRecovery(new MemoryFile(Buffer.concat([unmarked, again])), LATER);
  expect(plan).toMatchObject({ kind: 'plan', endOffset: second, lostBytes: again.length });
});

test('a lost page in the middle costs its fragments, and none after them', async () => {
  using folder = temporaryFolder();
  const clip = await largeClip(folder.path);
  const [first = 0, second = 0] = clip.layout.ends;
  const left = Buffer.from(clip.bytes).fill(0, first + 8_192, first + 12_288);
  const { result, bytes } = await recovered(clip, left);
  expect(result).toMatchObject({ kind: 'recovered', durationMs: 4000, lostBytes: second - first });
  expect(bytes.subarray(first, first + 8)).toEqual(Buffer.from(joinBytes([u32(second - first), text('free')])));
  expect(bytes.subarray(second, clip.bytes.length).equals(clip.bytes.subarray(second))).toBe(true);
  await using handle = await open(clip.file);
  const head = await readRecordingHead(handle);
  expect(head.isFinished).toBe(true);
  const { table } = await readRecordingTable(handle, head);
  expect([...table.fragmentOffsets]).toEqual([clip.layout.initBytes, ...clip.layout.ends.slice(1, -1)]);
  expect((await layoutOf(clip.file)).ends).toEqual([first, ...clip.layout.ends.slice(2)]);
});

test('a torn sector in the header of a finished file is restored from the copy at its end', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  for (const fill of [0, 0xff, 0x5a]) {
    const { result, bytes } = await recovered(clip, Buffer.from(clip.whole).fill(fill, 0, 512));
    expect(result).toMatchObject({ kind: 'recovered', durationMs: 4000, lostBytes: 0 });
    expect(bytes.equals(clip.whole)).toBe(true);
  }
});

test('an incomplete end, which a missing duration shows, is written again', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const left = Buffer.from(clip.whole);
  left.writeUInt32BE(0, clip.layout.durationOffset);
  const end = clip.layout.ends.at(-1) ?? 0;
  left.fill(0, end + 1_200, left.length - 120);
  expect((await recovered(clip, left)).bytes.equals(clip.whole)).toBe(true);
});

test.for([
  ['an empty file', () => Buffer.alloc(0)],
  ['a file cut inside its header', ({ bytes }: Clip) => bytes.subarray(0, 300)],
  ['a file without a complete fragment', ({ bytes, layout }: Clip) => bytes.subarray(0, layout.initBytes + 100)],
  ['a file of something else', () => Buffer.alloc(5_000, 0x41)],
  [
    'a header with the fragments of another file',
    ({ bytes, layout }: Clip) => {
      const left = Buffer.from(bytes);
      const at = left.indexOf('prch');
      expect(at).toBeLessThan(layout.initBytes);
      left.writeUInt32BE(left.readUInt32BE(at + 8) + 77_000_000, at + 8);
      return left;
    },
  ],
] as const)('%s is reported and left as it is', async ([, make]) => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const left = Buffer.from(make(clip));
  const { result, bytes } = await recovered(clip, left);
  expect(result).toMatchObject({ kind: 'unreadable' });
  expect(bytes.equals(left)).toBe(true);
});

test('leftover files are finished at start and logged; open and foreign files are not touched', async () => {
  using folder = temporaryFolder();
  const { file, bytes, whole } = await unfinished(folder.path);
  const openFile = file.replace('12-00-00', '13-00-00');
  const notOurs = join(dirname(file), 'notes.mp4');
  const empty = file.replace('12-00-00', '11-00-00');
  const deep = join(folder.path, 'garden/gate/2026-07-01_12-00-00-000000.mp4');
  mkdirSync(dirname(deep), { recursive: true });
  for (const name of [file, openFile, notOurs, deep]) {
    writeFileSync(name, bytes);
  }
  writeFileSync(empty, '');
  const reported: unknown[] = [];
  const warnings: unknown[] = [];
  const report = await recoverRecordings(
    [join(folder.path, TEMPLATE)],
    {
      isOpen: (name) => name === openFile,
      onRecovered: (segment) => reported.push(segment),
      clock: new FakeClock(),
      logger: { ...silentLogger, warn: (facts: unknown) => warnings.push(facts) } as typeof silentLogger,
    },
    'UTC',
  );
  expect([...report.recovered].sort()).toEqual([file, deep].sort());
  const facts = { startUs: WALL * 1000, durationMs: 4000, sizeBytes: whole.length };
  expect(reported).toHaveLength(2);
  expect(reported).toContainEqual({ path: 'cam', file, ...facts });
  expect(reported).toContainEqual({ path: 'garden/gate', file: deep, ...facts });
  expect(report.unreadable.map((left) => left.file)).toEqual([empty]);
  // The index reports it, once, when it reads the file.
  expect(warnings).toEqual([]);
  expect(readFileSync(openFile).equals(bytes)).toBe(true);
  expect(readFileSync(notOurs).equals(bytes)).toBe(true);
  expect(filesBelow(folder.path)).toHaveLength(5);
});

test('a recently changed file is checked twice: one that another Perch writes is left alone', async () => {
  using folder = temporaryFolder();
  const { file, bytes } = await unfinished(folder.path);
  const still = file.replace('12-00-00', '13-00-00');
  const clock = new FakeClock();
  const seconds = clock.wallMs() / 1000;
  for (const name of [file, still]) {
    writeFileSync(name, bytes);
    utimesSync(name, seconds, seconds);
  }
  const recovering = recoverRecordings([join(folder.path, TEMPLATE)], {
    isOpen: () => false,
    clock,
    logger: silentLogger,
  });
  await expect.poll(() => clock.sleeping).toBe(1);
  writeFileSync(file, Buffer.concat([bytes, bytes]));
  utimesSync(file, seconds + 1, seconds + 1);
  await clock.advance(3_000);
  const report = await recovering;
  expect(report.recovered).toEqual([still]);
  expect(report.unreadable).toEqual([{ file, reason: 'it grows' }]);
  expect(readFileSync(file).length).toBe(2 * bytes.length);
});

test('a broken file of any kind never makes recovery throw or grow the file', async () => {
  using folder = temporaryFolder();
  const { file, bytes, whole } = await unfinished(folder.path);
  const copy = join(folder.path, 'copy.mp4');
  const next = random(5);
  for (let i = 0; i < byLength(60, 200); i += 1) {
    const broken = Buffer.from(i % 2 === 0 ? bytes : whole);
    for (let k = 0; k < 4; k += 1) {
      broken[Math.floor(next() * (k < 3 ? 2_000 : broken.length))] = Math.floor(next() * 256);
    }
    writeFileSync(file, broken);
    copyFileSync(file, copy);
    truncateSync(copy, Math.floor(next() * broken.length));
    for (const name of [file, copy]) {
      const before = readFileSync(name);
      const result = await recoverFile(name, LATER);
      expect(['finished', 'recovered', 'unreadable', 'busy', 'foreign']).toContain(result.kind);
      expect(readFileSync(name).length).toBeLessThanOrEqual(before.length + whole.length - bytes.length);
    }
  }
});
