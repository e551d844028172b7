import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { readTs } from '../../../test/support/media/ts-packets.ts';
import { diskFs } from '../file/segment-fs.ts';
import { readChecksum } from './ts-checksum.ts';
import { recoverTransportStream } from './ts-recovery.ts';

const PACKET = 188;

/** Where each part ends; the checksum packet of the end is not among them. */
function partEnds(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const ends: number[] = [];
  for (let at = 0; at < bytes.length; at += PACKET) {
    if (readChecksum(view, at)?.isLast === false) {
      ends.push(at + PACKET);
    }
  }
  return ends;
}

/** A recording of four parts as it is while it is written, and how it is recovered. */
async function setUp(folder: string) {
  const [file = ''] = await record(folder, 4, { format: 'mpegts' });
  const finished = readFileSync(file);
  const bytes = finished.subarray(0, -PACKET);
  const recover = async (left: Uint8Array) => {
    writeFileSync(file, left);
    const result = await recoverTransportStream(diskFs, file, true);
    return { result, bytes: readFileSync(file) };
  };
  return { file, finished, bytes, ends: partEnds(bytes), recover };
}

const picturesOf = (bytes: Uint8Array) => readTs(bytes).units.filter(({ streamId }) => streamId === 0xe0).length;

test('a finished file is unchanged, and so is a recovered one', async () => {
  using folder = temporaryFolder();
  const { finished, bytes, recover } = await setUp(folder.path);
  expect((await recover(finished)).result).toEqual({ kind: 'finished' });
  const recovered = await recover(bytes);
  expect(recovered.result).toEqual({ kind: 'recovered', durationMs: 4000, lostBytes: 0 });
  expect(recovered.bytes).toEqual(finished);
  expect((await recover(recovered.bytes)).result).toEqual({ kind: 'finished' });
});

test('cut anywhere, a file keeps all its complete parts and nothing else', async () => {
  using folder = temporaryFolder();
  const { bytes, ends, recover } = await setUp(folder.path);
  expect(ends).toHaveLength(4);
  const cuts = ends.flatMap((end) => [end - PACKET - 1, end - PACKET, end - 1, end, end + 1, end + 100, end + PACKET]);
  for (const cut of cuts.filter((at) => at < bytes.length)) {
    const end = Math.max(0, ...ends.filter((at) => at <= cut));
    const { result, bytes: left } = await recover(bytes.subarray(0, cut));
    if (end === 0) {
      expect(result).toEqual({ kind: 'unreadable', reason: 'no whole part' });
      expect(left).toHaveLength(cut);
      continue;
    }
    expect(result).toMatchObject({ kind: 'recovered', lostBytes: cut - end });
    expect(left.subarray(0, -PACKET)).toEqual(bytes.subarray(0, end));
    expect(picturesOf(left)).toBe(10 * (ends.indexOf(end) + 1));
  }
});

test('the file has its duration and the mtime of its content', async () => {
  using folder = temporaryFolder();
  const { file, bytes, ends, recover } = await setUp(folder.path);
  expect(statSync(file).mtimeMs).toBe(WALL + 4000);
  expect((await recover(bytes.subarray(0, ends[1]))).result).toMatchObject({ durationMs: 2000 });
  expect(statSync(file).mtimeMs).toBe(WALL + 2000);
});

const noise = (count: number): Uint8Array => {
  const next = random(7);
  return Uint8Array.from({ length: count }, () => Math.floor(next() * 256));
};

test.for([
  ['zeros', () => new Uint8Array(3 * 4096)],
  ['garbage', () => noise(3 * 4096)],
  ['packets without a checksum', (bytes: Uint8Array, end: number) => bytes.subarray(end, end + 5 * PACKET)],
  ['its own beginning', (bytes: Uint8Array) => bytes],
] as const)('%s at the end are cut off', async ([, tailOf]) => {
  using folder = temporaryFolder();
  const { bytes, ends, recover } = await setUp(folder.path);
  const end = ends[2] as number;
  const tail = tailOf(bytes, end);
  const { result, bytes: left } = await recover(Buffer.concat([bytes.subarray(0, end), tail]));
  expect(result).toEqual({ kind: 'recovered', durationMs: 3000, lostBytes: tail.length });
  expect(left.subarray(0, -PACKET)).toEqual(bytes.subarray(0, end));
});

test('complete parts of another file, at the positions of this one’s, are cut off', async () => {
  using folder = temporaryFolder();
  using other = temporaryFolder();
  const { bytes, ends, recover } = await setUp(folder.path);
  const { bytes: foreign, ends: foreignEnds } = await setUp(other.path);
  expect(foreignEnds).toEqual(ends);
  const mixed = Buffer.concat([bytes.subarray(0, ends[1]), foreign.subarray(foreignEnds[1])]);
  const { result } = await recover(mixed);
  expect(result).toMatchObject({ kind: 'recovered', durationMs: 2000 });
});

test('a page lost in the middle of the tail costs its part, and the later ones stay', async () => {
  using folder = temporaryFolder();
  const { bytes, ends, recover } = await setUp(folder.path);
  const lost = Uint8Array.from(bytes);
  lost.fill(0, (ends[1] as number) + 100, (ends[1] as number) + 600);
  const { result, bytes: left } = await recover(lost);
  const lostBytes = (ends[2] as number) - (ends[1] as number);
  expect(result).toEqual({ kind: 'recovered', durationMs: 4000, lostBytes });
  expect(left.subarray(0, -PACKET)).toEqual(Buffer.from(lost));
  expect((await recover(left)).result).toEqual({ kind: 'finished' });
});

test('missing packets in a part are detected', async () => {
  using folder = temporaryFolder();
  const { bytes, ends, recover } = await setUp(folder.path);
  const at = (ends[1] as number) + 4 * PACKET;
  const { result } = await recover(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + PACKET)]));
  expect(result).toMatchObject({ kind: 'recovered', durationMs: 2000 });
});

test('a file whose first packets are lost keeps all other packets', async () => {
  using folder = temporaryFolder();
  const { bytes, recover } = await setUp(folder.path);
  const other = bytes.subarray(3 * PACKET);
  expect((await recover(other)).result).toEqual({ kind: 'finished' });
  const { result, bytes: left } = await recover(Buffer.concat([other, new Uint8Array(300)]));
  expect(result).toEqual({ kind: 'recovered', durationMs: 0, lostBytes: 300 });
  expect(left).toEqual(other);
});

test('a foreign file that may still be written is not touched', async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'a.ts');
  const bytes = new Uint8Array(300).fill(0x47);
  writeFileSync(file, bytes);
  expect(await recoverTransportStream(diskFs, file, false)).toEqual({ kind: 'finished' });
  expect(readFileSync(file)).toHaveLength(300);
});

test.for([192, 204])('a foreign file with packets of %i bytes is named and left alone', async (packetBytes) => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'a.ts');
  const bytes = new Uint8Array(100 * packetBytes).map((_, i) => (i % packetBytes === 0 ? 0x47 : 0));
  writeFileSync(file, bytes);
  expect(await recoverTransportStream(diskFs, file, true)).toEqual({
    kind: 'unreadable',
    reason: 'no MPEG-TS packets',
  });
  expect(readFileSync(file)).toHaveLength(bytes.length);
});

test.for([
  ['empty', 0],
  ['zeros', 5000],
] as const)('a file that is %s is named and left alone', async ([, size]) => {
  using folder = temporaryFolder();
  const { recover } = await setUp(folder.path);
  const { result, bytes } = await recover(new Uint8Array(size));
  expect(result).toEqual({ kind: 'unreadable', reason: 'no MPEG-TS packets' });
  expect(bytes).toHaveLength(size);
});

test('mutated files keep only stream data, and never lose data before the damage', async () => {
  using folder = temporaryFolder();
  const { bytes, ends, recover } = await setUp(folder.path);
  const next = random(188);
  for (let round = 0; round < 60; round += 1) {
    const from = (ends[0] as number) + Math.floor(next() * (bytes.length - (ends[0] as number)));
    const left = Uint8Array.from(bytes.subarray(0, bytes.length - Math.floor(next() * 400)));
    left.set(noise(Math.min(600, left.length - Math.min(from, left.length))), Math.min(from, left.length));
    const whole = Math.max(...ends.filter((end) => end <= from));
    const { bytes: kept } = await recover(left);
    expect(kept.length % PACKET).toBe(0);
    expect(kept.subarray(0, whole)).toEqual(bytes.subarray(0, whole));
  }
});
