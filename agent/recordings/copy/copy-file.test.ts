import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { copyTo, haveSameBytes, openSource } from './copy-file.ts';

const PACE = { signal: new AbortController().signal, wait: async () => {} };
const MEGABYTE = 1 << 20;

/** Opened files have this instead of their own `datasync`. */
function replaceDatasync(datasync: (handle: FileHandle) => Promise<void>): void {
  const { open } = promises;
  promises.open = async (...args) => {
    const handle = await open(...args);
    return Object.assign(handle, { datasync: () => datasync(handle) });
  };
  syncBuiltinESMExports();
  onTestFinished(() => {
    promises.open = open;
    syncBuiltinESMExports();
  });
}

/** A read of an opened file returns at most `maxBytes`. */
function replaceRead(maxBytes: number): void {
  const { open } = promises;
  promises.open = async (...args) => {
    const handle = await open(...args);
    const read = handle.read.bind(handle) as (...what: readonly unknown[]) => unknown;
    return Object.assign(handle, {
      read: (bytes: Uint8Array, offset: number, length: number, position: number) =>
        read(bytes, offset, Math.min(length, maxBytes), position),
    });
  };
  syncBuiltinESMExports();
  onTestFinished(() => {
    promises.open = open;
    syncBuiltinESMExports();
  });
}

async function copied(megabytes: number) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-copy-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  const bytes = randomBytes(megabytes * MEGABYTE + 17);
  writeFileSync(from, bytes);
  const source = await openSource(from);
  let read = 0;
  const copying = copyTo(source, to, PACE, (count) => {
    read += count;
  }).finally(() => source.close());
  return { copying, from, to, bytes, copiedBytes: () => read };
}

test('a copy of several chunks has the same bytes', async () => {
  const { copying, from, to, bytes } = await copied(9);
  await copying;
  expect(readFileSync(to).equals(bytes)).toBe(true);
  expect(await haveSameBytes(from, to, PACE)).toBe(true);
});

test('disks that give less than is asked for give the same bytes', async () => {
  const { copying, from, to } = await copied(2);
  await copying;
  replaceRead(1_000_001);
  expect(await haveSameBytes(from, to, PACE)).toBe(true);
});

test.for([
  ['its first byte', (bytes: Buffer) => bytes.writeUint8(bytes.readUint8(0) ^ 1, 0)],
  ['the first byte of a chunk', (bytes: Buffer) => bytes.writeUint8(bytes.readUint8(MEGABYTE) ^ 1, MEGABYTE)],
  ['its last byte', (bytes: Buffer) => bytes.writeUint8(bytes.readUint8(bytes.length - 1) ^ 1, bytes.length - 1)],
  ['its length, by a byte', (bytes: Buffer) => bytes.subarray(0, -1)],
  ['its length, by the last chunk', (bytes: Buffer) => bytes.subarray(0, 2 * MEGABYTE)],
] as const)('a file that differs in %s has other bytes', async ([, change]) => {
  const { copying, from, to, bytes } = await copied(2);
  await copying;
  const changed = change(bytes);
  writeFileSync(to, typeof changed === 'number' ? bytes : changed);
  expect(await haveSameBytes(from, to, PACE)).toBe(false);
  expect(await haveSameBytes(to, from, PACE)).toBe(false);
});

test('a copy continues while it is flushed, and at most 8 MB are unwritten', async () => {
  const waiting: (() => void)[] = [];
  replaceDatasync(() => new Promise((resolve) => waiting.push(resolve)));
  const { copying, copiedBytes } = await copied(13);
  await expect.poll(() => copiedBytes()).toBe(8 * MEGABYTE);
  expect(waiting).toHaveLength(1);
  waiting[0]?.();
  await expect.poll(() => copiedBytes()).toBe(12 * MEGABYTE);
  waiting[1]?.();
  await expect.poll(() => waiting.length).toBe(3);
  waiting[2]?.();
  await copying;
});

test('a flush that fails ends the copy with its error', async () => {
  const fault = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
  replaceDatasync(() => Promise.reject(fault));
  const { copying } = await copied(5);
  await expect(copying).rejects.toBe(fault);
});
