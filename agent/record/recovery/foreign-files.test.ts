import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { type Clip, recovered, unfinished } from '../../../test/support/disks/unfinished-clips.ts';
import { box } from '../../media/mp4/box/boxes.ts';
import { writeFragmentHeader } from '../../media/mp4/write/fragment.ts';
import { readRecordingHead } from '../file/recording-file.ts';
import { readRecordingTable } from '../file/recording-table.ts';
import { recoverFile } from './recovery.ts';

/** A file as MediaMTX and older versions of Perch leave it: without our mark, its fragments without checksums. */
function foreign({ bytes, layout }: Clip): Buffer {
  const left = Buffer.from(bytes);
  left.write('xxxx', left.indexOf('prch'));
  for (const end of [layout.initBytes, ...layout.ends.slice(0, -1)]) {
    left.write('free', left.indexOf('prcs', end));
  }
  return left;
}

test('a file of another program is finished by its own rules, but not within a minute of its last change', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const left = foreign(clip);
  writeFileSync(clip.file, Buffer.concat([left, Buffer.alloc(3_000, 7)]));
  const changedMs = statSync(clip.file).mtimeMs;
  expect(await recoverFile(clip.file, changedMs + 59_000)).toEqual({ kind: 'busy' });
  expect(readFileSync(clip.file).length).toBe(left.length + 3_000);
  expect(await recoverFile(clip.file, changedMs + 61_000)).toMatchObject({ kind: 'recovered', lostBytes: 3_000 });
  const after = readFileSync(clip.file);
  expect(after.subarray(-12, -8).toString()).toBe('mfro');
  expect(after.indexOf('uuid')).toBe(-1);
  expect(after.readUInt32BE(clip.layout.durationOffset)).toBe(4_000);
  expect(await recoverFile(clip.file, changedMs + 61_000)).toEqual({ kind: 'finished' });
});

test('a file without a mark of Perch or MediaMTX is never written to, and its complete part is played', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const left = foreign(clip);
  left.write('xxxx', left.indexOf('mtxi'));
  const cut = left.subarray(0, left.length - 100);
  const { result, bytes } = await recovered(clip, cut);
  expect(result).toEqual({ kind: 'foreign' });
  expect(bytes.equals(cut)).toBe(true);
  await using handle = await open(clip.file);
  const { table } = await readRecordingTable(handle, await readRecordingHead(handle));
  expect(table.fragmentCount).toBe(clip.layout.ends.length - 1);
});

test('a fragment of others that claims an impossible size or track ends their file before it', async () => {
  using folder = temporaryFolder();
  const clip = await unfinished(folder.path);
  const run = {
    trackId: 9,
    baseTime: 0,
    count: 1,
    sizeOf: () => 4,
    durationOf: () => 1,
    compositionOffsetOf: () => 0,
    isSync: () => true,
  };
  const stray = Buffer.concat([foreign(clip), writeFragmentHeader(99, [run]), Buffer.alloc(4)]);
  expect((await recovered(clip, stray)).result).toMatchObject({ kind: 'recovered', durationMs: 4000 });
  const huge = Buffer.concat([foreign(clip), box('moof', new Uint8Array(3)).with(1, 0xff)]);
  expect((await recovered(clip, huge)).result).toMatchObject({ kind: 'recovered', durationMs: 4000, lostBytes: 11 });
});
