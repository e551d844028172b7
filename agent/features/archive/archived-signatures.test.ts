import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ARCHIVE_PLACES, ArchivedBox } from '../../../test/features/archive/support/archived-box.ts';
import { S3Server } from '../../../test/features/archive/support/s3-server.ts';
import { record, WALL } from '../../../test/support/disks/recordings.ts';
import { newSigningKey, signFiles, verified } from '../../../test/support/disks/signed-recordings.ts';
import { getBytes } from '../../../test/support/harness/playback.ts';

const HOUR_MS = 3_600_000;
const COUNT = 3;

/** Recordings of eight seconds, an hour apart. */
async function recordHours(box: ArchivedBox, format: 'fmp4' | 'mpegts' = 'fmp4'): Promise<string[]> {
  const files: string[] = [];
  for (let i = 0; i < COUNT; i += 1) {
    files.push(...(await record(box.recordings, 8, { wall: WALL + i * HOUR_MS, sound: true, format })));
  }
  return files;
}

const cutsOf = (box: ArchivedBox) =>
  Promise.all([0, 1, 2].map((i) => getBytes(box.playback, i * HOUR_MS + 2_700, 3.1, 'mp4')));

async function signedCopies({ link }: ArchivedBox): Promise<number> {
  let count = 0;
  for (const { name } of link.recordings.after('cam', 0, 10)) {
    const file = link.recordings.open(name);
    count += (await file.readSignatures()) ? 1 : 0;
    await file.close();
  }
  return count;
}

test.for(
  Object.entries(ARCHIVE_PLACES).flatMap(([name, placeOf]) =>
    (['fmp4', 'mpegts'] as const).map((format) => [name, format, placeOf] as const),
  ),
)('cuts of signed recordings that only %s has verify (%s)', async ([, format, placeOf]) => {
  const box = new ArchivedBox();
  const place = await placeOf(box);
  const key = newSigningKey();
  const files = await recordHours(box, format);
  const late = files[2] ?? '';
  await signFiles(files.slice(0, 2), key);
  await box.start(place);
  await box.archived(COUNT);
  await box.until(async () => (await signedCopies(box)) === 2);
  // Signed after it was archived, and before the connection broke.
  await signFiles([late], key);
  box.link.signed({ path: 'cam', nameUs: box.playback.nameUsOf(late) ?? 0 }, late);
  await box.stop();
  await box.start(place);
  await box.until(async () => (await signedCopies(box)) === COUNT);
  const cuts = await cutsOf(box);
  box.erase(files);
  expect((await cutsOf(box)).map((bytes, i) => bytes.equals(cuts[i] ?? Buffer.alloc(0)))).toEqual([true, true, true]);
  // A box that knows nothing of the archive.
  await box.stop();
  box.lose('archive.db');
  box.lose('segments.db');
  await box.start(place);
  await box.until(async () => (await signedCopies(box)) === COUNT);
  await box.until(async () => (await box.playback.list('cam', undefined, undefined, '').catch(() => [])).length > 2);
  const file = join(box.folder, 'cut.mp4');
  for (const bytes of await cutsOf(box)) {
    writeFileSync(file, bytes);
    const { code, text } = await verified(file, { key: key.fingerprint });
    expect(code, text).toBe(0);
  }
});

test('signatures go from the archive with their recordings', async () => {
  const server = await S3Server.start();
  const box = new ArchivedBox();
  const files = await recordHours(box);
  await signFiles(files, newSigningKey());
  await box.start({ archiveURL: server.url });
  await box.archived(COUNT);
  await box.until(async () => (await signedCopies(box)) === COUNT);
  expect([...server.objects.keys()].filter((key) => key.endsWith('.mp4.sig')).length).toBe(COUNT);
  box.erase(files);
  const listed = await box.playback.list('cam', undefined, undefined, '');
  for (const { start } of listed) {
    await box.playback.deleteSegment('cam', start, () => undefined);
  }
  expect([
    server.objects.size,
    readdirSync(join(box.recordings, 'cam')).filter((name) => name.endsWith('.mp4')),
  ]).toEqual([0, []]);
});

test('signatures expire with their recordings', async () => {
  const server = await S3Server.start();
  const box = new ArchivedBox();
  await signFiles(await record(box.recordings, 4, { wall: box.clock.wallMs() }), newSigningKey());
  const config = `perch: own
pathDefaults: { recordArchive: all, recordArchiveDeleteAfter: 2d }
paths: { cam: }
`;
  await box.start({ archiveURL: server.url, archiveEncryption: 'yes' }, config);
  await box.until(async () => (await signedCopies(box)) === 1);
  expect([...server.objects.keys()].map((key) => key.replace(/^.*Z/, '')).sort()).toEqual(['.mp4.enc', '.mp4.sig.enc']);
  await box.clock.advanceDays(2);
  await box.until(() => server.objects.size === 0);
});

test('signatures that the archive does not take are sent again, and an unsigned recording costs no request', async () => {
  let isAway = true;
  const server = await S3Server.start({
    fault: ({ method, key }) =>
      isAway && method === 'PUT' && key.endsWith('.sig') ? { status: 503, code: 'SlowDown' } : undefined,
  });
  const box = new ArchivedBox();
  const files = await recordHours(box);
  await signFiles(files.slice(0, 1), newSigningKey());
  await box.start({ archiveURL: server.url });
  await box.until(() => box.link.status.failure !== undefined);
  isAway = false;
  await box.archived(COUNT);
  await box.until(async () => (await signedCopies(box)) === 1);
  box.erase(files);
  server.calls.length = 0;
  await getBytes(box.playback, HOUR_MS + 2_700, 3.1, 'mp4');
  expect(server.calls.filter(({ key }) => key.endsWith('.sig'))).toEqual([]);
});
