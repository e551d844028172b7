import { readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { random } from '../../test/random.ts';
import { temporaryFolder } from '../../test/recordings.ts';
import { VirtualFile } from './virtual-file.ts';

/** A file with patched numbers, some of them across the edges of what is read at once, and bytes before and behind. */
function example(folder: string): { file: VirtualFile; whole: Buffer } {
  const name = join(folder, 'a');
  const content = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 7) % 256));
  writeFileSync(name, content);
  const patched = Buffer.from(content);
  const file = new VirtualFile();
  for (const [offset, place, width] of [
    [0, 262_140, 8],
    [300_000, 300_000, 4],
  ] as const) {
    file.addPatchedRange(name, offset, 300_000, (patches) => patches.add(place, 2 ** 31 + 5, width));
    patched.fill(0, place, place + width);
    patched.writeUInt32BE(2 ** 31 + 5, place + width - 4);
  }
  file.addBytes(Buffer.from('between'));
  file.addRange(name, 650_000, 50_000);
  file.prepend(Buffer.from('before'));
  const whole = Buffer.concat([
    Buffer.from('before'),
    patched.subarray(0, 600_000),
    Buffer.from('between'),
    content.subarray(650_000),
  ]);
  return { file, whole };
}

test('every range is the same range of the whole', async () => {
  using folder = temporaryFolder();
  const { file, whole } = example(folder.path);
  expect(file.sizeBytes).toBe(whole.length);
  expect((await buffer(file.read(0, whole.length))).equals(whole)).toBe(true);
  const next = random(4);
  for (let i = 0; i < 150; i += 1) {
    const start = Math.floor(next() * whole.length);
    const end = Math.min(whole.length, start + 1 + Math.floor(next() ** 4 * whole.length));
    expect((await buffer(file.read(start, end))).equals(whole.subarray(start, end))).toBe(true);
  }
});

test('a file is closed when the reader goes away in the middle', async () => {
  using folder = temporaryFolder();
  const { file } = example(folder.path);
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
  expect(isOpen()).toBe(true);
  stream.destroy();
  await expect.poll(isOpen).toBe(false);
});

test('a recording that is gone, or shorter than it was, ends the answer with an error', async () => {
  using folder = temporaryFolder();
  const file = new VirtualFile();
  file.addRange(join(folder.path, 'none'), 0, 10);
  await expect(buffer(file.read(0, 10))).rejects.toThrow('recording is gone');
  writeFileSync(join(folder.path, 'none'), 'short');
  await expect(buffer(file.read(0, 10))).rejects.toThrow('shorter than it was');
});
