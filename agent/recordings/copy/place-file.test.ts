import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { placeNew, removeEmpty } from './place-file.ts';

function files() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-place-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [draft, wanted] = [join(folder, 'draft'), join(folder, 'wanted')];
  writeFileSync(draft, 'new');
  return { draft, wanted };
}

/** As of a file system without hard links. */
const noLink = async (): Promise<void> => {
  throw Object.assign(new Error('operation not permitted'), { code: 'EPERM' });
};

test.for([['with', undefined] as const, ['without', noLink] as const])(
  '%s hard links a file gets its name and never replaces another one',
  async ([, linkFile]) => {
    const { draft, wanted } = files();
    await placeNew(draft, wanted, linkFile);
    expect(readFileSync(wanted, 'utf8')).toBe('new');
    rmSync(draft, { force: true });
    writeFileSync(draft, 'newer');
    await expect(placeNew(draft, wanted, linkFile)).rejects.toThrow('appeared meanwhile');
    expect([readFileSync(wanted, 'utf8'), readFileSync(draft, 'utf8')]).toEqual(['new', 'newer']);
  },
);

test('without hard links a recorder that creates the file first keeps it', async () => {
  const { draft, wanted } = files();
  // The recorder is faster than the check of the link.
  const recorderFirst = async () => {
    const handle = await open(wanted, 'wx');
    await handle.writeFile('recorded');
    await handle.close();
    return noLink();
  };
  await expect(placeNew(draft, wanted, recorderFirst)).rejects.toThrow('appeared meanwhile');
  expect(readFileSync(wanted, 'utf8')).toBe('recorded');
});

test('only an old empty file is taken for what a power cut left', async () => {
  const { draft, wanted } = files();
  writeFileSync(wanted, '');
  const nowMs = Date.now();
  expect(await removeEmpty(wanted, statSync(wanted), nowMs)).toBe(false);
  utimesSync(wanted, nowMs / 1000 - 120, nowMs / 1000 - 120);
  expect(await removeEmpty(wanted, statSync(wanted), nowMs)).toBe(true);
  expect(existsSync(wanted)).toBe(false);
  expect(await removeEmpty(draft, statSync(draft), nowMs + 1e9)).toBe(false);
});
