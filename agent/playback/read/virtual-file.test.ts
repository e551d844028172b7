import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { type RunTable, writeFragmentHeader } from '../../media/mp4/write/fragment.ts';
import { MoofPatch } from './moof-patch.ts';
import type { RecordedFile } from './slice.ts';
import { VirtualFile } from './virtual-file.ts';

/** Size of one read. */
const CHUNK_BYTES = 256 << 10;
const SHIFT = 5_000_000_000;
const FRAGMENTS = 24;

const runOf = (trackId: number, baseTime: number, sizes: readonly number[]): RunTable => ({
  trackId,
  baseTime,
  count: sizes.length,
  sizeOf: (i) => sizes[i] ?? 0,
  durationOf: () => 3_000,
  compositionOffsetOf: () => 0,
  isSync: (i) => i === 0,
});

interface Written {
  readonly recording: RecordedFile;
  readonly content: Buffer;
  /** The same with the numbers and times of fragments changed. */
  readonly changed: Buffer;
  readonly patch: MoofPatch;
  readonly headers: readonly { readonly at: number; readonly sizeBytes: number }[];
}

/** A file with fragments of two tracks, and the expected bytes by file name. */
function writeFragments(folder: string): Written {
  const next = random(3);
  const pieces: Buffer[] = [Buffer.alloc(500, 1)];
  const changed: Buffer[] = [Buffer.alloc(500, 1)];
  const headers: { at: number; sizeBytes: number }[] = [];
  let at = 500;
  for (let i = 0; i < FRAGMENTS; i += 1) {
    const sizes = Array.from({ length: 20 }, () => Math.floor(next() * 9_000));
    const runs = [runOf(1, i * 90_000, sizes.slice(0, 9)), runOf(2, i * 48_000, sizes.slice(9))];
    const header = Buffer.from(writeFragmentHeader(700 + i, runs));
    const data = Buffer.alloc(
      sizes.reduce((sum, size) => sum + size, 0),
      i,
    );
    headers.push({ at, sizeBytes: header.length });
    at += header.length + data.length;
    pieces.push(header, data);
    const other = Buffer.from(header);
    other.writeUInt32BE(1_000 + i, other.indexOf('mfhd') + 8);
    const first = other.indexOf('tfdt');
    other.writeBigUInt64BE(BigInt(i * 90_000 + SHIFT), first + 8);
    other.writeBigUInt64BE(BigInt(i * 48_000 + 7), other.indexOf('tfdt', first + 4) + 8);
    changed.push(other, data);
  }
  const file = join(folder, 'a');
  const content = Buffer.concat(pieces);
  writeFileSync(file, content);
  const table = {
    fragmentCount: FRAGMENTS,
    fragmentOffsets: Float64Array.from(headers, (header) => header.at),
    headerBytes: Uint32Array.from(headers, (header) => header.sizeBytes),
  };
  const shifts = new Map([
    [1, SHIFT],
    [2, 7],
  ]);
  const patch = new MoofPatch(table, 1_000, shifts);
  const recording = { file, sizeBytes: content.length, isFinished: true };
  return { recording, content, changed: Buffer.concat(changed), patch, headers };
}

/** Changed fragments with bytes before and behind, and ranges of the same file, near each other and not. */
function example(written: Written): { file: VirtualFile; whole: Buffer } {
  const { recording, content, changed, patch, headers } = written;
  const [first, gap, end] = [headers[2]?.at ?? 0, headers[9]?.at ?? 0, headers[20]?.at ?? 0];
  const behindGap = headers[10]?.at ?? 0;
  const file = new VirtualFile();
  file.addRange(recording, first, gap - first, patch);
  file.addRange(recording, behindGap, end - behindGap, patch);
  file.addBytes(Buffer.from('between'));
  for (let at = 700; at < 90_000; at += 1_000) {
    file.addRange(recording, at, 900);
  }
  file.addRange(recording, 500_000, 2_000);
  file.prepend([Buffer.from('be'), Buffer.from('fore')]);
  const pieces = Array.from({ length: 90 }, (_, i) => content.subarray(700 + i * 1_000, 1_600 + i * 1_000));
  const whole = Buffer.concat([
    Buffer.from('before'),
    changed.subarray(first, gap),
    changed.subarray(behindGap, end),
    Buffer.from('between'),
    ...pieces,
    content.subarray(500_000, 502_000),
  ]);
  return { file, whole };
}

test('every range matches the full file', async () => {
  using folder = temporaryFolder();
  const { file, whole } = example(writeFragments(folder.path));
  expect(file.sizeBytes).toBe(whole.length);
  expect((await buffer(file.read(0, whole.length))).equals(whole)).toBe(true);
  const next = random(4);
  for (let i = 0; i < 150; i += 1) {
    const start = Math.floor(next() * whole.length);
    const end = Math.min(whole.length, start + 1 + Math.floor(next() ** 4 * whole.length));
    expect((await buffer(file.read(start, end))).equals(whole.subarray(start, end))).toBe(true);
  }
});

test('headers of fragments are changed wherever a range or a read cuts them', async () => {
  using folder = temporaryFolder();
  const { recording, changed, patch, headers } = writeFragments(folder.path);
  const file = new VirtualFile();
  file.addRange(recording, 500, changed.length - 500, patch);
  const { at = 0, sizeBytes = 0 } = headers[12] ?? {};
  for (let i = -1; i <= sizeBytes; i += 3) {
    for (const [start, end] of [
      [at + i - CHUNK_BYTES, at + 3_000],
      [at + i, at + i + 40],
      [at + i, at + 3_000],
      [at - 300, at + i + 1],
    ] as const) {
      const bytes = await buffer(file.read(start - 500, end - 500));
      expect(bytes.equals(changed.subarray(start, end))).toBe(true);
    }
  }
});

test('a file is closed when its reader stops in the middle', async () => {
  using folder = temporaryFolder();
  const { file } = example(writeFragments(folder.path));
  const isOpen = () =>
    readdirSync('/proc/self/fd').some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === join(folder.path, 'a');
      } catch {
        return false;
      }
    });
  const stream = file.read(0, file.sizeBytes);
  const reader = stream[Symbol.asyncIterator]();
  await reader.next();
  await reader.next();
  await expect.poll(isOpen).toBe(true);
  stream.destroy();
  await expect.poll(isOpen).toBe(false);
  // Before the first bytes: the file may be about to be opened.
  const other = file.read(0, file.sizeBytes);
  other.once('readable', () => {});
  other.destroy();
  await new Promise((resolve) => other.once('close', resolve));
  expect(isOpen()).toBe(false);
});

test('a recording that is deleted or replaced ends the download with an error', async () => {
  using folder = temporaryFolder();
  const file = new VirtualFile();
  const name = join(folder.path, 'none');
  file.addRange({ file: name, sizeBytes: 10, isFinished: true }, 0, 10);
  await expect(buffer(file.read(0, 10))).rejects.toThrow('recording is gone');
  for (const content of ['short', 'longer than ten']) {
    writeFileSync(name, content);
    await expect(buffer(file.read(0, 10))).rejects.toThrow('the size of the recording has changed');
  }
  const { recording, content, headers, patch } = writeFragments(folder.path);
  const patched = new VirtualFile();
  patched.addRange(recording, 500, content.length - 500, patch);
  content.write('mdat', (headers[7]?.at ?? 0) + 4);
  writeFileSync(recording.file, content);
  await expect(buffer(patched.read(0, patched.sizeBytes))).rejects.toThrow('recording has changed');
});

test('a growing file is read up to its complete part', async () => {
  using folder = temporaryFolder();
  const name = join(folder.path, 'growing');
  writeFileSync(name, 'ten bytes and more');
  const file = new VirtualFile();
  file.addRange({ file: name, sizeBytes: 10, isFinished: false }, 2, 8);
  expect((await buffer(file.read(0, 8))).toString()).toBe('n bytes ');
});
