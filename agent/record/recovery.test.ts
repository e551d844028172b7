import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { random } from '../../test/random.ts';
import { filesBelow, record, temporaryFolder } from '../../test/recordings.ts';
import { silentLogger } from '../base/log.ts';
import { FragmentWalk, readInit } from './fragment-walk.ts';
import { recoverFile, recoverRecordings } from './recovery.ts';

const TEMPLATE = '%path/%Y-%m-%d_%H-%M-%S-%f';

interface Layout {
  readonly initBytes: number;
  readonly durationOffset: number;
  /** One past each fragment. */
  readonly ends: readonly number[];
}

async function layoutOf(file: string): Promise<Layout> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  const init = await readInit(handle, size);
  const walk = new FragmentWalk(handle, init, size);
  const ends: number[] = [];
  while (await walk.next()) {
    ends.push(walk.offset);
  }
  return { initBytes: init.sizeBytes, durationOffset: init.durationOffset, ends };
}

/** A recording as it is while being written: without index and duration. */
async function unfinished(folder: string, gop = 10): Promise<{ file: string; bytes: Buffer; layout: Layout }> {
  const [file = ''] = await record(folder, 4, { sound: true, gop });
  const layout = await layoutOf(file);
  const bytes = readFileSync(file).subarray(0, layout.ends.at(-1));
  bytes.writeUInt32BE(0, layout.durationOffset);
  return { file, bytes, layout };
}

test('a file cut at any byte of its last two fragments is finished with every whole fragment', async () => {
  using folder = temporaryFolder();
  // Only the first picture is a large one, so that there are few bytes to cut at.
  const { file, bytes, layout } = await unfinished(folder.path, 100);
  const [beforeLast = 0, last = 0, end = 0] = layout.ends.slice(-3);
  for (let cut = beforeLast; cut <= end; cut += 1) {
    writeFileSync(file, bytes.subarray(0, cut));
    const result = await recoverFile(file);
    const keptBytes = cut >= end ? end : cut >= last ? last : beforeLast;
    expect(result).toMatchObject({ kind: 'recovered', lostBytes: cut - keptBytes });
    const again = readFileSync(file);
    expect(
      again.subarray(layout.durationOffset + 4, keptBytes).equals(bytes.subarray(layout.durationOffset + 4, keptBytes)),
    ).toBe(true);
    expect(again.subarray(-12, -8).toString()).toBe('mfro');
    expect(await recoverFile(file)).toEqual({ kind: 'finished' });
  }
});

test('a recovered file is the same as one that was finished in good order', async () => {
  using folder = temporaryFolder();
  const [file = ''] = await record(folder.path, 3, {});
  const whole = readFileSync(file);
  const layout = await layoutOf(file);
  const bytes = Buffer.from(whole.subarray(0, layout.ends.at(-1)));
  bytes.writeUInt32BE(0, layout.durationOffset);
  writeFileSync(file, bytes);
  expect(await recoverFile(file)).toEqual({ kind: 'recovered', durationMs: 3000, lostBytes: 0 });
  expect(readFileSync(file).equals(whole)).toBe(true);
});

test.for([
  ['zeros', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(5_000)])],
  ['garbage', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(5_000, 0xa5)])],
  [
    'an older fragment',
    (bytes: Buffer, ends: readonly number[]) => Buffer.concat([bytes, bytes.subarray(ends[0], ends[1])]),
  ],
] as const)('%s behind the last fragment are cut away', async ([, spoil]) => {
  using folder = temporaryFolder();
  const { file, bytes, layout } = await unfinished(folder.path);
  writeFileSync(file, spoil(bytes, layout.ends));
  expect(await recoverFile(file)).toMatchObject({ kind: 'recovered', durationMs: 4000 });
  expect((await layoutOf(file)).ends).toEqual(layout.ends);
});

test.for([
  ['an empty file', () => Buffer.alloc(0)],
  ['a file cut inside its header', (bytes: Buffer) => bytes.subarray(0, 300)],
  ['a file without a whole fragment', (bytes: Buffer, layout: Layout) => bytes.subarray(0, layout.initBytes + 100)],
  ['a file of something else', () => Buffer.alloc(5_000, 0x41)],
] as const)('%s is reported and left as it is', async ([, make]) => {
  using folder = temporaryFolder();
  const { file, bytes, layout } = await unfinished(folder.path);
  const content = Buffer.from(make(bytes, layout));
  writeFileSync(file, content);
  expect(await recoverFile(file)).toMatchObject({ kind: 'unreadable' });
  expect(readFileSync(file).equals(content)).toBe(true);
});

test('everything left over is finished at start; open and foreign files are not touched', async () => {
  using folder = temporaryFolder();
  const { file, bytes } = await unfinished(folder.path);
  const openFile = file.replace('12-00-00', '13-00-00');
  const foreign = join(dirname(file), 'notes.mp4');
  const empty = file.replace('12-00-00', '11-00-00');
  const deep = join(folder.path, 'garden/gate/2026-07-01_12-00-00-000000.mp4');
  mkdirSync(dirname(deep), { recursive: true });
  for (const name of [file, openFile, foreign, deep]) {
    writeFileSync(name, bytes);
  }
  writeFileSync(empty, '');
  const report = await recoverRecordings([join(folder.path, TEMPLATE)], {
    isOpen: (name) => name === openFile,
    logger: silentLogger,
  });
  expect([...report.recovered].sort()).toEqual([file, deep].sort());
  expect(report.unreadable.map((left) => left.file)).toEqual([empty]);
  expect(readFileSync(openFile).equals(bytes)).toBe(true);
  expect(readFileSync(foreign).equals(bytes)).toBe(true);
  expect(filesBelow(folder.path)).toHaveLength(5);
});

test('a broken file of any kind never makes recovery throw or grow the file', async () => {
  using folder = temporaryFolder();
  const { file, bytes } = await unfinished(folder.path);
  const copy = join(folder.path, 'copy.mp4');
  const next = random(5);
  for (let i = 0; i < 400; i += 1) {
    const broken = Buffer.from(bytes);
    for (let k = 0; k < 4; k += 1) {
      broken[Math.floor(next() * (k < 3 ? 2_000 : broken.length))] = Math.floor(next() * 256);
    }
    writeFileSync(file, broken);
    copyFileSync(file, copy);
    truncateSync(copy, Math.floor(next() * broken.length));
    for (const name of [file, copy]) {
      const before = readFileSync(name);
      const result = await recoverFile(name);
      const kept = result.kind === 'recovered' ? before.length - result.lostBytes : before.length;
      expect(readFileSync(name).length).toBeLessThanOrEqual(kept + 1_000);
    }
  }
});
