import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { listFolders, requireOwnFolder } from './folders.ts';

function folder(): string {
  const made = mkdtempSync('/var/tmp/perch-folders-');
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test('folders are listed by name, without links, files and hidden ones', async () => {
  const top = folder();
  for (const name of ['b', 'a', '.hidden']) {
    mkdirSync(join(top, name));
  }
  writeFileSync(join(top, 'file'), '');
  symlinkSync('/proc', join(top, 'link'));
  const listed = await listFolders(top);
  expect(listed.items).toEqual(['a', 'b'].map((name) => ({ name, path: join(top, name) })));
  expect(listed).toMatchObject({ path: top, isCut: false, writable: true });
  expect(listed.parent).toBe(dirname(top));
  expect(listed.freeBytes).toBeGreaterThan(0);
});

test('the root has neither folders of the system nor a parent', async () => {
  const { items, parent } = await listFolders('/');
  expect(parent).toBeNull();
  const names = items.map(({ name }) => name);
  expect(names).toContain('var');
  expect(names.filter((name) => /^(?:proc|sys|dev)$/.test(name))).toEqual([]);
});

test('at most 500 are named', async () => {
  const top = folder();
  for (let i = 0; i < 501; i += 1) {
    mkdirSync(join(top, String(i)));
  }
  const { items, isCut } = await listFolders(top);
  expect([items.length, isCut]).toEqual([500, true]);
});

test.for([
  ['proc/self', 'badInput'],
  ['link to /sys', 'badInput'],
  ['../../../proc', 'badInput'],
  ['', 'badInput'],
  ['relative', 'badInput'],
  ['/a\0b', 'badInput'],
  ['/mnt/%path', 'badInput'],
  ['/no/such/folder', 'notFound'],
] as const)('%s is rejected', async ([given, code]) => {
  const top = folder();
  symlinkSync('/sys', join(top, 'link'));
  const path = {
    'proc/self': '/proc/self',
    'link to /sys': join(top, 'link'),
    '../../../proc': `${top}/../../../proc`,
  };
  await expect(listFolders(path[given as keyof typeof path] ?? given)).rejects.toMatchObject({ code });
});

test('any text is a folder or is rejected', async () => {
  const next = random(7);
  const parts = ['/', '..', '.', 'proc', 'sys', 'dev', 'tmp', '\0', '%', 'ä', ' ', '//', 'run', 'x'.repeat(300)];
  for (let i = 0; i < 500; i += 1) {
    const text = Array.from({ length: Math.floor(next() * 6) }, () => parts[Math.floor(next() * parts.length)]).join(
      '/',
    );
    const found = await requireOwnFolder(text).catch((error: unknown) => {
      expect(error).toBeInstanceOf(PerchError);
      return '/tmp';
    });
    expect(found).not.toMatch(/^\/(?:proc|sys|dev)(?:\/|$)/);
  }
});
