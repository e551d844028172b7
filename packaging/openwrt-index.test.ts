import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { makeNodeIpk, makePerchIpk } from './openwrt.ts';
import { writeIndex } from './openwrt-index.ts';

async function feed(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-feed-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const options = { version: '1.2.3', time: 1_700_000_000, folder, packing: 'quick' } as const;
  await makePerchIpk(new Map([['perch.mjs', Buffer.from('program')]]), options);
  await makeNodeIpk('arm64', new Map([['bin/node', Buffer.from('node')]]), options);
  await writeIndex(folder);
  return folder;
}

test('the index lists each package with its control file, size and checksum', async () => {
  const folder = await feed();
  const list = readFileSync(join(folder, 'Packages'), 'utf8');
  expect(gunzipSync(readFileSync(join(folder, 'Packages.gz'))).toString()).toBe(list);
  const entries = list.split('\n\n').map(
    (entry) =>
      new Map(
        entry
          .trim()
          .split('\n')
          .map((line) => line.split(/: (.*)/s) as [string, string]),
      ),
  );
  expect(entries.map((entry) => entry.get('Filename'))).toEqual([
    'perch-node_1.2.3_aarch64.ipk',
    'perch_1.2.3_all.ipk',
  ]);
  for (const entry of entries) {
    const file = join(folder, entry.get('Filename') ?? '');
    expect(execFileSync('sha256sum', [file], { encoding: 'utf8' })).toContain(entry.get('SHA256sum'));
    expect(readFileSync(file)).toHaveLength(Number(entry.get('Size')));
    expect(entry.get('Version')).toBe('1.2.3');
    expect([...entry.keys()].at(-1)).toBe('Description');
  }
  expect(entries[1]?.get('Depends')).toBe('perch-node');
});
