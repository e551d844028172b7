import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { MODEL_SOURCE } from './archives.ts';
import { fetchModel, findIn, takeModel } from './model.ts';

const file = (bytes: number) => ({ bytes, sha256: '' });
const SOURCE = {
  ...MODEL_SOURCE,
  converted: file(3),
  runtime: { ...MODEL_SOURCE.runtime, files: { 'package/dist/ort.wasm': file(2) } },
};

test('a model is found if all its files are there in their sizes, without the links that lead there', async () => {
  using folder = temporaryFolder();
  const [there, link] = [join(folder.path, 'there'), join(folder.path, 'link')];
  mkdirSync(join(there, 'runtime'), { recursive: true });
  symlinkSync(there, link);
  writeFileSync(join(there, 'model.onnx'), 'abc');
  expect(await findIn(link, SOURCE)).toBeUndefined();
  writeFileSync(join(there, 'runtime', 'ort.wasm'), 'a');
  expect(await findIn(link, SOURCE)).toBeUndefined();
  writeFileSync(join(there, 'runtime', 'ort.wasm'), 'ab');
  // The process that reads it may read the real folder alone.
  const real = realpathSync(there);
  expect(await findIn(link, SOURCE)).toMatchObject({ model: join(real, 'model.onnx'), runtime: join(real, 'runtime') });
});

test('perch objects takes the archive from stdin, which another user may have opened', () => {
  using folder = temporaryFolder();
  const script = join(import.meta.dirname, '../../../main.ts');
  const run = (input: Uint8Array): string =>
    spawnSync(process.execPath, [script, 'objects', '-', '--data', folder.path], { input, encoding: 'utf8' }).stderr;
  expect(run(Buffer.from('x'))).toContain('cannot unpack -: ');
  // An archive without files.
  expect(run(gzipSync(Buffer.alloc(1024)))).toMatch(/model\.onnx/);
});

const hashed = (text: string) => ({ bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') });
const RELEASED = {
  ...SOURCE,
  converted: hashed('abc'),
  runtime: { ...SOURCE.runtime, files: { 'package/dist/ort.wasm': hashed('ab') } },
};

/** The archive of a release, made by the system's tar. */
function released(folder: string): Buffer {
  mkdirSync(join(folder, 'released', 'runtime'), { recursive: true });
  writeFileSync(join(folder, 'released', 'model.onnx'), 'abc');
  writeFileSync(join(folder, 'released', 'runtime', 'ort.wasm'), 'ab');
  const names = ['./model.onnx', './runtime/ort.wasm'];
  return spawnSync('tar', ['--format=ustar', '-cf', '-', '-C', join(folder, 'released'), ...names]).stdout;
}

/** Compresses these bytes and then zeros without end. */
function bomb(first: Uint8Array): { readonly pieces: AsyncIterable<Uint8Array>; readonly megabytes: () => number } {
  let megabytes = 0;
  const endless = function* () {
    yield first;
    for (; megabytes < 1_000; megabytes += 1) {
      yield Buffer.alloc(1 << 20);
    }
  };
  return { pieces: Readable.from(endless()).pipe(createGzip()), megabytes: () => megabytes };
}

test('an archive is read up to its end mark, whatever follows', async () => {
  using folder = temporaryFolder();
  const { pieces, megabytes } = bomb(released(folder.path));
  await takeModel(folder.path, pieces, { source: RELEASED });
  expect(megabytes()).toBeLessThan(100);
});

test('an archive that unpacks to four times the wanted files is refused', async () => {
  using folder = temporaryFolder();
  // A file of eight gigabytes that nobody wants.
  const other = released(folder.path).subarray(0, 512);
  other.write('./other.onnx\0', 0, 'latin1');
  other.write('77777777777 ', 124, 'latin1');
  other.fill(' ', 148, 156);
  other.write(
    `${other
      .reduce((sum, byte) => sum + byte)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
  const { pieces, megabytes } = bomb(other);
  await expect(takeModel(folder.path, pieces, { source: RELEASED })).rejects.toThrow(
    'the archive of the release has more than 20 bytes when it is unpacked',
  );
  expect(megabytes()).toBeLessThan(100);
});

test('the former model stays until another one is there', async () => {
  using folder = temporaryFolder();
  const inFolder = () => readdirSync(join(folder.path, 'objects'));
  mkdirSync(join(folder.path, 'objects', 'former'), { recursive: true });
  mkdirSync(join(folder.path, 'objects', 'former.new'));
  const tooLarge = { ...RELEASED, model: { ...RELEASED.model, bytes: 2 ** 50 } };
  const fetched = fetchModel(folder.path, () => {}, new AbortController().signal, tooLarge);
  await expect(fetched).rejects.toThrow('MB are free');
  expect(inFolder()).toEqual(['former']);
  const { model } = await takeModel(folder.path, Readable.from([gzipSync(released(folder.path))]), {
    source: RELEASED,
  });
  expect(inFolder()).toEqual([model.split('/').at(-2)]);
});
