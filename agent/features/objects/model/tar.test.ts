import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { TarFiles } from './tar.ts';

const WANTED = new Map([
  ['package/models/a.json', 700],
  [`package/${'deep/'.repeat(24)}b.bin`, 1_024],
]);
let folder = '';
let archive = Buffer.alloc(0);
/** An archive of the system's tar: both wanted files among others. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-tar-'));
  for (const [path, bytes] of [...WANTED, ['package/other', 3_000], ['package/empty', 0]] as [string, number][]) {
    spawnSync('mkdir', ['-p', join(folder, path, '..')]);
    writeFileSync(join(folder, path), Buffer.alloc(bytes, path.slice(-5)));
  }
  symlinkSync('/etc/passwd', join(folder, 'package/link'));
  archive = spawnSync('tar', ['--format=ustar', '-cf', '-', '-C', folder, 'package'], { maxBuffer: 1 << 24 }).stdout;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** In pieces of these sizes, in turn. */
function take(bytes: Uint8Array, wanted = WANTED, ...sizes: readonly number[]): ReadonlyMap<string, Buffer> {
  const tar = new TarFiles(wanted);
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? bytes.length;
    tar.write(bytes.subarray(at, at + size));
    at += size;
  }
  return tar.end();
}

test.for([[[]], [[1]], [[511]], [[512]], [[1_000, 3, 700]]] as const)(
  'files are taken out of an archive in pieces of %j',
  ([sizes]) => {
    const files = take(archive, WANTED, ...sizes);
    expect([...files].map(([name, bytes]) => [name, bytes.length])).toEqual(
      [...files.keys()].map((name) => [name, WANTED.get(name)]),
    );
    expect(files.size).toBe(2);
    expect(files.get('package/models/a.json')?.equals(Buffer.alloc(700, '.json'))).toBe(true);
  },
);

test.for([
  ['package/other', 2_999, 'package/other of the archive has 3000 bytes and type 0, expected one file of 2999'],
  ['package/link', 11, 'package/link of the archive has 0 bytes and type 2, expected one file of 11'],
  ['package/models/', 4, 'type 5'],
  ['../package/other', 3_000, 'the archive has no ../package/other'],
  ['package/missing', 1, 'the archive has no package/missing'],
] as const)('%s with %i bytes is refused', ([name, bytes, message]) => {
  expect(() => take(archive, new Map([[name, bytes]]))).toThrow(message);
});

test('an archive that ends early, or is none, is refused', () => {
  expect(() => take(archive.subarray(0, 700))).toThrow(PerchError);
  expect(() => take(Buffer.alloc(2_048, 'x'))).toThrow('the archive has a damaged header, or is not a tar archive');
  expect(() => take(Buffer.alloc(0))).toThrow('the archive has no package/models/a.json');
  const twice = Buffer.concat([archive.subarray(0, archive.length - 10_240), archive]);
  expect(() => take(twice)).toThrow(PerchError);
});

test('damaged archives yield files of the wanted sizes or are refused, and take no other memory', () => {
  const next = random(1);
  const outcome = { taken: 0, refused: 0 };
  for (let i = 0; i < byLength(3_000, 100_000); i += 1) {
    try {
      const files = take(mutate(archive, next), WANTED, 1 + Math.floor(next() * 4_000));
      expect([...files].every(([name, bytes]) => bytes.length === WANTED.get(name))).toBe(true);
      outcome.taken += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
      outcome.refused += 1;
    }
  }
  expect(Math.min(outcome.taken, outcome.refused)).toBeGreaterThan(10);
});
