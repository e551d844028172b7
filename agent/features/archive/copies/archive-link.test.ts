import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ArchiveHarness, RECORDED_BYTES, sha256 } from '../../../../test/features/archive/support/archive-harness.ts';
import { S3Server } from '../../../../test/features/archive/support/s3-server.ts';
import type { LocalRecording } from '../storage/contracts.ts';
import { ARCHIVE_FILE } from './archive-state.ts';

const HOUR_US = 3.6e9;
const DAY_MS = 86_400_000;

/** Each recording is in the bucket once, whole, and nothing else is. */
function expectArchived(server: S3Server, box: ArchiveHarness): void {
  const stored = [...server.objects.values()].map(({ bytes }) => sha256(bytes)).sort();
  expect(stored).toEqual(box.recordings.map(({ file }) => sha256(readFileSync(file))).sort());
  expect(server.uploads.size).toBe(0);
}

test('finished recordings are stored whole, each once, under a name of this box', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  box.record();
  const link = await box.link({ archiveURL: server.url });
  await box.settled(link);
  expectArchived(server, box);
  const { id } = JSON.parse(readFileSync(join(box.dataDir, ARCHIVE_FILE), 'utf8'));
  for (const key of server.objects.keys()) {
    expect(key).toMatch(new RegExp(`^perch/${id}/yard/2025-12-31/\\d\\d-00-00-000042Z\\.mp4$`));
  }
  expect(link.status).toMatchObject({
    failure: undefined,
    waiting: { files: 0, bytes: 0, oldestUs: undefined },
    archived: { files: 2, bytes: RECORDED_BYTES },
  });
  // Later ones follow.
  box.record([1_000]);
  await box.settled(link);
  expectArchived(server, box);
});

test('a restart sends nothing again, even if the list of archived recordings is lost', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  box.record();
  await (async () => {
    const link = await box.link({ archiveURL: server.url });
    await box.settled(link);
    await link.close();
  })();
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(join(box.dataDir, `archive.db${suffix}`), { force: true });
  }
  server.calls.length = 0;
  const link = await box.link({ archiveURL: server.url });
  await box.until(() => box.recordings.every((one) => !link.isAwaited(one, one.file)));
  expect(server.calls.filter(({ method }) => method === 'PUT' || method === 'POST')).toEqual([]);
  expectArchived(server, box);
});

test('another bucket begins empty', async () => {
  const [first, second] = [await S3Server.start(), await S3Server.start()];
  const box = new ArchiveHarness();
  box.record([1_000, 2_000]);
  const link = await box.link({ archiveURL: first.url });
  await box.settled(link);
  await link.close();
  await box.settled(await box.link({ archiveURL: second.url }));
  expectArchived(second, box);
});

test('what another archive has is not known before it is listed', async () => {
  const [first, second] = [await S3Server.start(), await S3Server.start()];
  const box = new ArchiveHarness();
  box.record([1_000]);
  const link = await box.link({ archiveURL: first.url });
  expect(link.recordings.isListed).toBe(false);
  await box.settled(link);
  expect(link.recordings.isListed).toBe(true);
  await link.close();
  const next = await box.link({ archiveURL: second.url });
  expect(next.recordings.isListed).toBe(false);
  await box.settled(next);
  expect(next.recordings.isListed).toBe(true);
});

test('encrypted objects, whose tags are no checksums, are read back', async () => {
  const server = await S3Server.start({ hasOtherTags: true });
  const box = new ArchiveHarness();
  box.record();
  await box.settled(await box.link({ archiveURL: server.url }));
  expectArchived(server, box);
  expect(server.calls.filter(({ method, key }) => method === 'GET' && key.endsWith('.mp4')).length).toBe(3);
});

test('a damaged state stops the archive instead of storing everything a second time', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  writeFileSync(join(box.dataDir, ARCHIVE_FILE), '{"id":"../etc"}');
  await expect(box.link({ archiveURL: server.url })).rejects.toThrow('is damaged');
});

test('plain http to the internet is refused', async () => {
  const box = new ArchiveHarness();
  await expect(box.link({ archiveURL: 'http://192.0.2.1' })).rejects.toThrow('plain http is for private addresses');
});

test('the rate limit and the hours hold', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  box.record([1 << 20, 1 << 20]);
  const link = await box.link({ archiveURL: server.url, archiveMaxRateBytes: 64 << 10 });
  const fromMs = box.clock.monoMs();
  await box.settled(link);
  expect(box.clock.monoMs() - fromMs).toBeGreaterThan(30_000);
  await link.close();
  box.record([1_000]);
  const hour = new Date(box.clock.wallMs()).getHours();
  const text = (hours: number) => `${String((hour + hours) % 24).padStart(2, '0')}:00`;
  const later = await box.link({ archiveURL: server.url, archiveHours: `${text(2)}-${text(3)}` });
  await box.until(() => later.status.waiting.files === 1);
  expect(later.status.isOutOfHours).toBe(true);
  await box.clock.advance(3_600_000);
  expect(later.status.waiting.files).toBe(1);
  await box.clock.advance(3_600_000);
  await box.settled(later);
});

test('while a recording waits for its disk, the archive leaves the disk alone', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  box.record();
  box.isHeldUp = true;
  const link = await box.link({ archiveURL: server.url });
  await box.until(() => link.status.waiting.files === 2);
  await box.clock.advance(60_000);
  expect(server.objects.size).toBe(0);
  box.isHeldUp = false;
  await box.settled(link);
});

test('with protected, only recordings that reach into a protected range are archived', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  const [first, second, third] = box.record([1_000, 2_000, 3_000]);
  box.scope = 'protected';
  const middleUs = (second?.startUs ?? 0) + HOUR_US / 2;
  box.protectedRanges = [
    { startUs: middleUs, endUs: middleUs + 1e6 },
    { startUs: middleUs + 1e6, endUs: third?.startUs ?? 0 },
  ];
  const link = await box.link({ archiveURL: server.url });
  await box.until(() => link.status.archived.files === 1);
  await box.clock.advance(7_200_000);
  expect([...server.objects.values()].map(({ bytes }) => bytes.length)).toEqual([2_000]);
  expect(first && link.isAwaited(first, first.file)).toBe(true);
});

test('old objects of this box are deleted, protected ones and those of others stay', async () => {
  const server = await S3Server.start();
  const other = Buffer.from('of another box');
  server.objects.set('perch/ffffffffffff/yard/2020-01-01/00-00-00-000000Z.mp4', { bytes: other, tag: 'x' });
  const box = new ArchiveHarness();
  const [first] = box.record([1_000, 2_000, 3_000]);
  const link = await box.link({ archiveURL: server.url });
  await box.settled(link);
  box.protectedRanges = [{ startUs: first?.startUs ?? 0, endUs: (first?.startUs ?? 0) + 1 }];
  box.keptMs = DAY_MS;
  box.isClockTrusted = false;
  await box.clock.advanceDays(2);
  await box.until(() => server.calls.filter(({ query }) => query.has('uploads')).length > 1);
  expect(server.objects.size).toBe(4);
  box.isClockTrusted = true;
  await box.clock.advance(3_600_000);
  await box.until(() => server.objects.size === 2 && link.status.archived.files === 1);
  expect([...server.objects.values()].map(({ bytes }) => bytes.length).sort()).toEqual([1_000, other.length].sort());
  expect(link.status.archived).toEqual({ files: 1, bytes: 1_000 });
});

test('while protected ranges are unreadable, nothing is deleted from the archive', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  box.record([1_000]);
  await box.settled(await box.link({ archiveURL: server.url }));
  box.keptMs = DAY_MS;
  box.isProtectionKnown = false;
  await box.clock.advanceDays(3);
  await box.until(() => server.calls.filter(({ query }) => query.has('uploads')).length > 2);
  expect(server.objects.size).toBe(1);
  box.isProtectionKnown = true;
  await box.clock.advance(3_600_000);
  await box.until(() => server.objects.size === 0);
});

test('only abandoned uploads of this box are aborted', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  box.record([1_000]);
  const link = await box.link({ archiveURL: server.url });
  await box.settled(link);
  const { id } = JSON.parse(readFileSync(join(box.dataDir, ARCHIVE_FILE), 'utf8'));
  server.uploads.set('mine', { key: `perch/${id}/yard/x.mp4`, parts: new Map() });
  server.uploads.set('theirs', { key: 'perch/ffffffffffff/yard/x.mp4', parts: new Map() });
  await box.clock.advance(3_600_000);
  await box.until(() => server.uploads.size === 1);
  expect([...server.uploads.keys()]).toEqual(['theirs']);
});

test('a recording that is gone or changes under way does not hold up the others', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  const [gone, cut] = box.record([1_000, 20 << 20, 3_000]);
  rmSync(gone?.file ?? '');
  const link = await box.link({ archiveURL: server.url, archiveMaxRateBytes: 1 << 20 });
  await box.until(() => (link.status.current?.sentBytes ?? 0) > 0);
  truncateSync(cut?.file ?? '', 1 << 20);
  await box.until(() => link.status.archived.files === 2);
  expect([...server.objects.values()].map(({ bytes }) => bytes.length).sort()).toEqual([1 << 20, 3_000].sort());
});

test('a recording that was named by an unset clock stays in the archive as long as its corrected start says', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  const made = box.record([1_000, 2_000, 3_000]);
  const nameUs = (index: number): number => Date.UTC(2020, 0, 1, index) * 1000;
  const shownUs = made.map(({ startUs }) => startUs);
  // The start of the second one is corrected after it was archived.
  made.forEach((one, i) => {
    const startUs = i === 1 ? nameUs(i) : (shownUs[i] ?? 0);
    box.recordings[i] = { ...one, nameUs: nameUs(i), startUs };
  });
  const link = await box.link({ archiveURL: server.url });
  await box.settled(link);
  box.recordings.splice(1, 1, { ...made[1], nameUs: nameUs(1), startUs: shownUs[1] } as LocalRecording);
  box.keptMs = 30 * DAY_MS;
  await box.clock.advanceDays(2);
  await box.until(() => server.calls.filter(({ query }) => query.has('uploads')).length > 2);
  expectArchived(server, box);
  expect(server.calls.filter(({ method }) => method === 'DELETE')).toEqual([]);
  // A range protects it by its shown time.
  box.protectedRanges = [{ startUs: (shownUs[2] ?? 0) + 1, endUs: (shownUs[2] ?? 0) + 2 }];
  await box.clock.advanceDays(40);
  await box.until(() => link.status.archived.files === 1);
  expect([...server.objects.values()].map(({ bytes }) => bytes.length)).toEqual([3_000]);
});

test('after the loss of the list, a recording of an unknown start stays until its start is known', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  const [made] = box.record([1_000]);
  const nameUs = Date.UTC(2020, 0, 1) * 1000;
  const named = { ...made, nameUs } as LocalRecording;
  box.recordings.splice(0, 1, named);
  const link = await box.link({ archiveURL: server.url });
  await box.settled(link);
  await link.close();
  rmSync(join(box.dataDir, 'archive.db'));
  box.recordings.length = 0;
  box.keptMs = 30 * DAY_MS;
  server.calls.length = 0;
  const next = await box.link({ archiveURL: server.url });
  const upkeeps = () => server.calls.filter(({ query }) => query.has('uploads')).length;
  const later = async (ms: number) => {
    const before = upkeeps();
    await box.clock.advance(ms);
    await box.until(() => upkeeps() > before);
  };
  await later(3_600_000);
  await box.until(() => next.status.archived.files === 1);
  await later(3_600_000);
  expect([server.objects.size, next.status.archived.files]).toEqual([1, 1]);
  box.archivedOnly.push(named);
  box.protectedRanges = [{ startUs: named.startUs + 1, endUs: named.startUs + 2 }];
  await later(40 * DAY_MS);
  await later(3_600_000);
  expect(server.objects.size).toBe(1);
  box.protectedRanges = [];
  await box.until(() => server.objects.size === 0);
});
