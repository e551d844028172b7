import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { MemoryFile } from '../../../test/support/disks/memory-file.ts';
import { record, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { PerchError } from '../../base/errors.ts';
import type { SampleTable } from '../../media/mp4/table/sample-table.ts';
import { FragmentWalk, readInit } from './fragment-walk.ts';
import { readRecordingHead } from './recording-file.ts';
import { type RecordingTable, readRecordingTable } from './recording-table.ts';

/** A finished recording of six seconds with sound, and where its fragments end. */
async function finished(): Promise<{ bytes: Buffer; ends: number[]; initBytes: number }> {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 6, { sound: true });
  const bytes = readFileSync(file);
  const opened = new MemoryFile(bytes);
  const init = await readInit(opened, bytes.length);
  const walk = new FragmentWalk(opened, init, bytes.length);
  const ends: number[] = [];
  while (await walk.next()) {
    ends.push(walk.offset);
  }
  return { bytes, ends, initBytes: init.sizeBytes };
}

async function tableOf(bytes: Uint8Array): Promise<RecordingTable> {
  const file = new MemoryFile(bytes);
  return readRecordingTable(file, await readRecordingHead(file));
}

/** Only the fields that both ways of building a table have. */
const plain = (table: SampleTable) =>
  JSON.stringify(table, (_, value) => (ArrayBuffer.isView(value) ? [...(value as Uint8Array)] : value));

/** Overwrites the mark's name: the file is no longer one of Perch. */
function without(bytes: Buffer, name: string): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = copy.indexOf(name); at >= 0; at = copy.indexOf(name, at + 1)) {
    copy.write('free', at);
  }
  return copy;
}

test('the table at the end of a recording matches its fragments', async () => {
  const { bytes, ends } = await finished();
  const atEnd = await tableOf(bytes);
  const walked = await tableOf(bytes.subarray(0, ends.at(-1)));
  expect([atEnd.walked === undefined, walked.walked === undefined]).toEqual([true, false]);
  expect(plain(atEnd.table)).toBe(plain(walked.table));
  expect([atEnd.endOffset, walked.endOffset]).toEqual([ends.at(-1), ends.at(-1)]);
  expect(atEnd.table.tracks.map(({ count }) => count)).toEqual([60, 300]);
});

test('a recording is finished when its end is complete and its header has the duration, which is written last', async () => {
  const { bytes, ends } = await finished();
  const head = async (changed: Uint8Array) => readRecordingHead(new MemoryFile(changed));
  expect(await head(bytes)).toMatchObject({ isFinished: true, durationMs: 6_000, sizeBytes: bytes.length });
  for (let cut = 1; cut < bytes.length - (ends.at(-1) ?? 0); cut += 7) {
    expect((await head(bytes.subarray(0, -cut))).isFinished).toBe(false);
  }
  const noLength = Buffer.from(bytes);
  noLength.writeUInt32BE(0, noLength.indexOf('mvhd') + 20);
  expect(await head(noLength)).toMatchObject({ isFinished: false, tail: undefined });
  // A file that is being written has lost nothing: only the flush of its end is pending.
  expect(await readRecordingHead(new MemoryFile(noLength), true)).toMatchObject({ isFinished: true });
});

test('a torn header costs nothing but its own bytes', async () => {
  const { bytes, initBytes } = await finished();
  const whole = await readRecordingHead(new MemoryFile(bytes));
  for (const fill of [0, 0xff, 0x41]) {
    const torn = Buffer.from(bytes).fill(fill, 0, Math.min(512, initBytes));
    const head = await readRecordingHead(new MemoryFile(torn));
    expect([head.isFinished, head.mark, head.fileMark]).toEqual([true, whole.mark, whole.fileMark]);
    expect(Buffer.compare(head.init.bytes, whole.init.bytes)).toBe(0);
    expect(plain((await tableOf(torn)).table)).toBe(plain((await tableOf(bytes)).table));
  }
});

test("the tail of another recording on the disk does not count as this one's", async () => {
  const [one, other] = [await finished(), await finished()];
  const foreign = other.bytes.subarray(other.ends.at(-1));
  const mixed = Buffer.concat([one.bytes.subarray(0, one.ends[2]), foreign]);
  const head = await readRecordingHead(new MemoryFile(mixed));
  expect([head.isFinished, head.tail]).toEqual([false, undefined]);
  expect((await tableOf(mixed)).endOffset).toBe(one.ends[2]);
});

test('fragments of another recording, left on the disk, do not count', async () => {
  const [one, other] = [await finished(), await finished()];
  const kept = other.bytes.subarray(other.ends[2], other.ends[4]);
  const mixed = Buffer.concat([one.bytes.subarray(0, one.ends[2]), kept]);
  expect((await tableOf(mixed)).table.fragmentCount).toBe(3);
});

test('recordings of other programs are finished if they have a duration or end with an index', async () => {
  const { bytes, ends } = await finished();
  const others = without(bytes, 'prch');
  const head = async (changed: Uint8Array) => (await readRecordingHead(new MemoryFile(changed))).isFinished;
  const cut = others.subarray(0, ends.at(-1));
  expect(await head(cut)).toBe(true);
  const growing = Buffer.from(cut);
  growing.writeUInt32BE(0, growing.indexOf('mvhd') + 20);
  expect(await head(growing)).toBe(false);
  const indexed = Buffer.from(others);
  indexed.writeUInt32BE(0, indexed.indexOf('mvhd') + 20);
  expect(await head(indexed)).toBe(true);
  expect((await tableOf(others)).table.fragmentCount).toBe(ends.length);
});

test('a growing file is read from its known part on, and earlier results stay unchanged', async () => {
  const { bytes, ends } = await finished();
  const file = new MemoryFile(bytes);
  let known: RecordingTable | undefined;
  const given: { table: SampleTable; text: string }[] = [];
  for (let sizeBytes = ends[0] ?? 0; sizeBytes < (ends.at(-1) ?? 0) + 900; sizeBytes += 900) {
    file.sizeBytes = Math.min(sizeBytes, ends.at(-1) ?? 0);
    known = await readRecordingTable(file, await readRecordingHead(file), { known });
    expect(known.endOffset).toBe(ends.findLast((end) => end <= file.sizeBytes));
    given.push({ table: known.table, text: plain(known.table) });
  }
  expect(given.map(({ table }) => plain(table))).toEqual(given.map(({ text }) => text));
  expect(given.at(-1)?.text).toBe(plain((await tableOf(bytes)).table));
});

test('damaged recordings are rejected or read, and all results are within the file', async () => {
  const { bytes } = await finished();
  const next = random(11);
  for (let i = 0; i < 1_500; i += 1) {
    const damaged = mutate(bytes, next);
    try {
      const { table, endOffset } = await tableOf(damaged);
      expect(endOffset).toBeLessThanOrEqual(damaged.length);
      for (const { runs } of table.tracks) {
        expect(runs.dataOffsets.every((offset) => offset <= damaged.length)).toBe(true);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});

test('a damaged table at the end is ignored: the fragments are read', async () => {
  const { bytes, ends } = await finished();
  const head = await readRecordingHead(new MemoryFile(bytes));
  const changed = Buffer.from(bytes);
  changed.fill(
    0xff,
    (head.tail?.offset ?? 0) + 32 + head.init.bytes.length,
    (head.tail?.offset ?? 0) + 40 + head.init.bytes.length,
  );
  const read = await tableOf(changed);
  expect([read.walked !== undefined, read.table.fragmentCount]).toEqual([true, ends.length]);
});

test('another format is rejected with the missing part', async () => {
  using folder = temporaryFolder();
  for (const content of ['', 'no recording', '\0'.repeat(40_000)]) {
    writeFileSync(`${folder.path}/a`, content);
    await expect(readRecordingHead(new MemoryFile(Buffer.from(content)))).rejects.toThrow(PerchError);
  }
});
