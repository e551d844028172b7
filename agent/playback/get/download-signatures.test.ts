import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { random } from '../../../test/support/base/random.ts';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { newSigningKey, signFiles, verified } from '../../../test/support/disks/signed-recordings.ts';
import { getBytes, openPlayback } from '../../../test/support/harness/playback.ts';

test.for(['mp4', 'fmp4'] as const)('cuts at any place verify, and a changed bit shows (%s)', async (format) => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 12, { sound: true, segmentDurationMs: 5_000 });
  expect(files.length).toBeGreaterThan(1);
  await signFiles(files, newSigningKey());
  await using playback = openPlayback(folder.path);
  const cut = join(folder.path, 'cut.mp4');
  const next = random(5);
  for (let i = 0; i < byLength(15, 50); i += 1) {
    const fromMs = Math.floor(next() * 11_000);
    const seconds = 0.3 + next() * 10;
    const bytes = await getBytes(playback, fromMs, seconds, format);
    writeFileSync(cut, bytes);
    const { code, text } = await verified(cut);
    expect(code, `${fromMs} ${seconds} ${text}`).toBe(0);
    expect(text).not.toContain('missing');
    // The last samples stand before the signatures.
    const changed = Buffer.from(bytes);
    const place = bytes.lastIndexOf('PRSG') - 8 - 16 - 1 - Math.floor(next() * 3);
    changed[place] = (changed[place] as number) ^ (1 << Math.floor(next() * 8));
    writeFileSync(cut, changed);
    expect(await verified(cut)).toMatchObject({ code: 1, text: expect.stringMatching(/^changed: /m) });
  }
});

test('a download says which part was not signed; without signatures it has no box', async () => {
  using folder = temporaryFolder();
  const files = await record(folder.path, 12, { sound: true, segmentDurationMs: 5_000 });
  await using playback = openPlayback(folder.path);
  const query = { path: 'cam', startUs: WALL * 1000, durationUs: 12e6, format: 'mp4' } as const;
  const before = await playback.get(query);
  expect((await getBytes(playback, 0, 12, 'mp4')).includes('PRSG')).toBe(false);
  await signFiles(files.slice(0, 1), newSigningKey());
  await using later = openPlayback(folder.path, join(folder.path, 'later.db'));
  expect((await later.get(query)).etag).not.toBe(before.etag);
  const cut = join(folder.path, 'cut.mp4');
  writeFileSync(cut, await getBytes(later, 0, 12, 'mp4'));
  const { code, text } = await verified(cut);
  expect(code, text).toBe(1);
  expect(text).toMatch(/^unsigned: \d+ samples of track 1 were not signed/m);
  expect(text).toContain('verified: cam, ');
});
