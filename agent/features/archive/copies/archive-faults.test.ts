import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ArchiveHarness, sha256 } from '../../../../test/features/archive/support/archive-harness.ts';
import { type S3Fault, S3Server } from '../../../../test/features/archive/support/s3-server.ts';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { certificate } from '../../../../test/support/cameras/channel-front.ts';
import type { LocalRecording } from '../storage/contracts.ts';
import type { ArchiveLink } from './archive-link.ts';
import { ARCHIVE_FILE } from './archive-state.ts';

function expectArchived(server: S3Server, box: ArchiveHarness): void {
  const stored = [...server.objects.values()].map(({ bytes }) => sha256(bytes)).sort();
  expect(stored).toEqual(box.recordings.map(({ file }) => sha256(readFileSync(file))).sort());
  expect(server.uploads.size).toBe(0);
}

test.for([
  ['denies access', { status: 403, code: 'AccessDenied' }, 'denied'],
  ['does not know the key', { status: 403, code: 'InvalidAccessKeyId' }, 'login'],
  ['is full', { status: 507, code: 'XMinioStorageFull' }, 'full'],
  ['is overloaded', { status: 503, code: 'SlowDown' }, 'slow'],
  ['has no room within its quota', { status: 403, code: 'QuotaExceeded' }, 'full'],
  ['finds the clock wrong', { status: 403, code: 'RequestTimeTooSkewed' }, 'clock'],
  ['has the bucket in another region', { status: 301, code: 'PermanentRedirect' }, 'region'],
  ['redirects', { status: 307, code: 'TemporaryRedirect' }, 'region'],
  ['has lost the bucket', { status: 404, code: 'NoSuchBucket' }, 'noBucket'],
  ['cuts connections', 'cut before', 'other'],
] as const)('a server that %s is tried again, and the state says since when and what waits', async ([, fault, why]) => {
  let isFaulty = false;
  const server = await S3Server.start({ fault: () => (isFaulty ? fault : undefined) });
  const box = new ArchiveHarness();
  const link = await box.link({ archiveURL: server.url });
  await box.until(() => server.calls.length >= 2);
  isFaulty = true;
  const fromMs = box.clock.wallMs();
  box.record([1_000, 2_000]);
  await box.until(() => link.status.failure !== undefined);
  const { sinceMs = 0 } = link.status.failure ?? {};
  expect(sinceMs).toBeGreaterThan(fromMs);
  const seen = server.calls.length;
  // A week.
  for (let day = 0; day < 7; day += 1) {
    await box.clock.advanceDays(1);
    await box.until(() => link.status.failure !== undefined && !link.status.current && link.status.waiting.files === 2);
  }
  expect(link.status).toMatchObject({ failure: { why, sinceMs }, waiting: { files: 2, bytes: 3_000 } });
  // Rarely: the last pauses are ten minutes.
  expect(server.calls.length - seen).toBeLessThan(200);
  isFaulty = false;
  await box.settled(link);
  expect(link.status).toMatchObject({ failure: undefined, waiting: { files: 0 } });
  expectArchived(server, box);
});

test('a server that accepts connections and never answers is given up after 30 s, and does not hold up an end', async () => {
  const setTimeout = Socket.prototype.setTimeout;
  const ofSocket = vi.spyOn(Socket.prototype, 'setTimeout').mockImplementation(function (this: Socket, ms, done) {
    return setTimeout.call(this, ms === 30_000 ? 30 : ms, done);
  });
  onTestFinished(() => ofSocket.mockRestore());
  let isSilent = false;
  const server = await S3Server.start({ fault: () => (isSilent ? 'silent' : undefined) });
  const box = new ArchiveHarness();
  const link = await box.link({ archiveURL: server.url });
  await box.until(() => server.calls.length >= 2);
  isSilent = true;
  box.record([1_000, 20 << 20]);
  await box.until(() => link.status.failure !== undefined);
  const { why, error, sinceMs } = link.status.failure ?? {};
  expect([why, error]).toEqual(['timeout', expect.stringContaining('does not answer')]);
  for (let hour = 0; hour < 3; hour += 1) {
    await box.clock.advance(3_600_000);
    await box.until(() => !link.status.current && link.status.waiting.files === 2);
  }
  expect(link.status.failure).toMatchObject({ why: 'timeout', sinceMs });
  const seen = server.calls.length;
  await box.until(() => server.calls.length > seen && server.connections > 0);
  await link.close();
  isSilent = false;
  ofSocket.mockRestore();
  await box.settled(await box.link({ archiveURL: server.url }));
  expectArchived(server, box);
});

test('an unreachable server is a failure like others', async () => {
  const box = new ArchiveHarness();
  box.record([1_000]);
  const link = await box.link({ archiveURL: 'http://127.0.0.1:1' });
  await box.until(() => link.status.failure !== undefined && link.status.waiting.files === 1);
  expect(link.status.failure).toMatchObject({ why: 'unreachable', error: expect.stringContaining('127.0.0.1:1') });
});

test('a certificate of an unknown authority is reported, and nothing is sent', async () => {
  const seen: string[] = [];
  const { key, cert } = certificate('camera');
  const server = createTlsServer({ key, cert }, (request) => seen.push(request.url ?? ''));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const box = new ArchiveHarness();
  box.record([1_000]);
  const link = await box.link({ archiveURL: `https://127.0.0.1:${port}` });
  await box.until(() => link.status.failure !== undefined && link.status.waiting.files === 1);
  expect(link.status.failure).toMatchObject({ why: 'certificate', error: expect.stringContaining('is not trusted') });
  expect(seen).toEqual([]);
});

test('a server of plain http is no server with TLS', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  const link = await box.link({ archiveURL: server.url.replace('http:', 'https:') });
  await box.until(() => link.status.failure !== undefined);
  expect(link.status.failure).toMatchObject({ why: 'noS3', error: expect.stringContaining('does not speak TLS') });
});

test('a redirect is not followed: keys and recordings go to the configured server only', async () => {
  const other = await S3Server.start();
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    response.writeHead(307, { location: `${other.url}${request.url}` }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const box = new ArchiveHarness();
  box.record([1_000]);
  const link = await box.link({ archiveURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  await box.until(() => link.status.failure !== undefined);
  expect(link.status.failure?.why).toBe('region');
  expect(seen.length).toBeGreaterThan(0);
  expect(other.calls).toEqual([]);
});

test('an upload that may not be aborted is reported', async () => {
  const server = await S3Server.start({
    fault: ({ method, query }) =>
      method === 'DELETE' && query.has('uploadId') ? { status: 403, code: 'AccessDenied' } : undefined,
  });
  const box = new ArchiveHarness();
  const { id } = JSON.parse(await boxState(box, server.url));
  server.uploads.set('abandoned', { key: `perch/${id}/yard/a.mp4`, parts: new Map() });
  const link = await box.link({ archiveURL: server.url });
  await box.until(() => link.status.failure !== undefined);
  expect(link.status.failure?.why).toBe('denied');
});

/** The state of a box that has used the archive. */
async function boxState(box: ArchiveHarness, archiveURL: string): Promise<string> {
  const link = await box.link({ archiveURL });
  await box.until(() => !link.status.current);
  await link.close();
  return readFileSync(join(box.dataDir, ARCHIVE_FILE), 'utf8');
}

test('a wrong secret key is named, and appears nowhere', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  const link = await box.link({ archiveURL: server.url, archiveSecretKey: 'wrong-secret' });
  await box.until(() => link.status.failure !== undefined);
  expect(link.status.failure?.why).toBe('login');
  expect(JSON.stringify(link.status)).not.toContain('wrong-secret');
});

const FAULTS: readonly S3Fault[] = [
  { status: 403, code: 'AccessDenied' },
  { status: 500, code: 'InternalError' },
  'cut before',
  'cut after',
  'truncated',
];

test('whatever request fails in whatever way, each recording is archived once', async () => {
  // The requests of one object of two parts and one whole one.
  const clean = await S3Server.start();
  const first = new ArchiveHarness();
  first.record();
  await first.settled(await first.link({ archiveURL: clean.url }));
  const count = clean.calls.length;
  expect(count).toBeGreaterThan(9);
  for (let at = 0; at < count; at += 1) {
    // In turn, in the long length two ways for each request.
    const ways = [FAULTS[at % FAULTS.length], FAULTS[(at + 2) % FAULTS.length]];
    for (const fault of ways.slice(0, byLength(1, 2))) {
      let number = 0;
      const server = await S3Server.start({
        fault: () => {
          number += 1;
          // The next request, too: a connection that was cut is tried again at once.
          return number === at + 1 || number === at + 2 ? fault : undefined;
        },
      });
      const box = new ArchiveHarness();
      box.record();
      const link = await box.link({ archiveURL: server.url });
      await box.settled(link);
      // An upload whose beginning was not confirmed is aborted within the hour.
      await box.clock.advance(3_600_000);
      await box.until(() => server.uploads.size === 0);
      expectArchived(server, box);
      await link.close();
    }
  }
}, 120_000);

test('after a power cut at any request, before or after its effect, each recording is archived once', async () => {
  for (const [turn, effect] of (['cut before', 'cut after'] as const).entries()) {
    // Odd, because requests of two kinds may alternate.
    const step = byLength(3, 1);
    for (let at = 1 + (turn % step), isOver = false; !isOver; at += step) {
      let number = 0;
      let isOff = false;
      let restore: () => void = () => {};
      const box = new ArchiveHarness();
      const server = await S3Server.start({
        fault: () => {
          number += 1;
          if (number === at) {
            isOff = true;
            restore = box.snapshot();
            return effect;
          }
          return isOff ? 'cut before' : undefined;
        },
      });
      box.record();
      const link = await box.link({ archiveURL: server.url });
      await box.until(() => isOff || link.status.archived.files === 2);
      isOver = !isOff;
      await link.close();
      restore();
      isOff = false;
      number = Number.NEGATIVE_INFINITY;
      const next = await box.link({ archiveURL: server.url });
      await box.settled(next);
      await box.until(() => box.recordings.every((one) => !next.isAwaited(one, one.file)));
      expectArchived(server, box);
      await next.close();
    }
  }
}, 120_000);

test('parts that arrived before a power cut are not sent again', async () => {
  const { server, isOff, restore } = await S3Server.cutAtPart3();
  const box = new ArchiveHarness();
  box.record([20 << 20]);
  const link = await box.link({ archiveURL: server.url });
  await box.until(isOff);
  await link.close();
  await box.until(() => server.connections === 0);
  restore();
  await box.settled(await box.link({ archiveURL: server.url }));
  expect(server.parts).toEqual(['3']);
  expectArchived(server, box);
});

test('an object that may not be deleted is reported, and holds up neither uploads nor other deletions', async () => {
  let lockedKey = '';
  let isLocked = true;
  const server = await S3Server.start({
    fault: ({ method, key }) =>
      isLocked && method === 'DELETE' && key === lockedKey ? { status: 403, code: 'AccessDenied' } : undefined,
  });
  const box = new ArchiveHarness();
  box.record([1_000, 2_000]);
  const link = await box.link({ archiveURL: server.url });
  await box.settled(link);
  lockedKey = [...server.objects.keys()].sort()[0] ?? '';
  box.keptMs = 2 * 86_400_000;
  await box.clock.advanceDays(3);
  await box.until(() => link.status.failure !== undefined && server.objects.size === 1);
  expect(link.status.failure).toMatchObject({ why: 'denied', error: expect.stringContaining(lockedKey) });
  box.recordings.length = 0;
  box.record([3_000]);
  await box.until(() => link.status.archived.files === 2);
  expect([...server.objects.values()].map(({ bytes }) => bytes.length).sort()).toEqual([1_000, 3_000]);
  expect(link.status.failure?.why).toBe('denied');
  isLocked = false;
  await box.until(() => link.status.archived.files === 1 && link.status.failure === undefined);
});

test('old objects are deleted as soon as an archive that denied everything works again', async () => {
  let isDenied = false;
  const server = await S3Server.start({
    fault: ({ method, key }) =>
      isDenied && method !== 'GET' && key.endsWith('.mp4') ? { status: 403, code: 'AccessDenied' } : undefined,
  });
  const box = new ArchiveHarness();
  box.record([1_000]);
  const link = await box.link({ archiveURL: server.url });
  await box.settled(link);
  box.keptMs = 2 * 86_400_000;
  isDenied = true;
  await box.clock.advanceDays(3);
  box.recordings.length = 0;
  box.record([2_000]);
  await box.until(() => link.status.failure?.error.startsWith('cannot delete') === false);
  isDenied = false;
  const fromMs = box.clock.monoMs();
  await box.until(() => link.status.failure === undefined);
  // By itself, deleting is tried again after ten minutes.
  expect(box.clock.monoMs() - fromMs).toBeLessThan(120_000);
  expect([...server.objects.values()].map(({ bytes }) => bytes.length)).toEqual([2_000]);
});

/** A bucket that does something once a recording was stored, before that is confirmed. */
const serverThen = async (then: (server: S3Server) => void, fault: (method: string) => S3Fault = () => undefined) => {
  let isStored = false;
  const server: S3Server = await S3Server.start({
    fault: ({ method }) => {
      isStored ||= method === 'PUT';
      if (isStored && method === 'HEAD') {
        then(server);
      }
      return fault(method);
    },
  });
  return server;
};

test('the copy of a recording that goes after its last read is kept, and read for the list', async () => {
  const box = new ArchiveHarness();
  const [one] = box.record([1_000]) as [LocalRecording];
  const server = await serverThen(() => rmSync(one.file, { force: true }));
  box.factsOf = async () => undefined;
  const link = await box.link({ archiveURL: server.url });
  await box.until(() => link.status.archived.files === 1 && link.status.unreadFiles === 0);
  expect(link.isAwaited(one, one.file)).toBe(false);
  expect(link.recordings.find(one.path, one.nameUs)?.facts).toMatch(/mp4: 1000 bytes$/);
  expect(box.found).toBeGreaterThan(0);
});

test('a recording that goes while its copy is noted is listed', async () => {
  const server = await S3Server.start();
  const box = new ArchiveHarness();
  const [one] = box.record([1_000]) as [LocalRecording];
  box.factsOf = async ({ file }) => {
    rmSync(file);
    return 'facts';
  };
  const link = await box.link({ archiveURL: server.url });
  await box.until(() => link.status.archived.files === 1 && !link.status.current);
  expect(link.recordings.find(one.path, one.nameUs)?.facts).toBe('facts');
  expect(box.found).toBe(1);
});

test('the copy of a recording that is deleted by hand after its last read is deleted, after a failure, too', async () => {
  let refusals = 20;
  const box = new ArchiveHarness();
  const [one] = box.record([1_000]) as [LocalRecording];
  let link: ArchiveLink | undefined;
  const server = await serverThen(
    () => {
      rmSync(one.file, { force: true });
      box.recordings.length = 0;
      link?.forget(one, one.file);
    },
    (method) => {
      refusals -= method === 'DELETE' ? 1 : 0;
      return method === 'DELETE' && refusals >= 0 ? { status: 503, code: 'SlowDown' } : undefined;
    },
  );
  link = await box.link({ archiveURL: server.url });
  await box.until(() => refusals < 0 && link?.status.archived.files === 0);
  expect(server.objects.size).toBe(0);
});

test('a copy that is not wanted and may not be deleted holds up no other deletion, and is deleted after a restart', async () => {
  const box = new ArchiveHarness();
  box.keptMs = 25 * 3_600_000;
  // From a day ago until tomorrow, an hour each.
  const all = box.record(new Array<number>(30).fill(1_000));
  const last = all.at(-1) as LocalRecording;
  const [day = '', time = ''] = new Date(last.nameUs / 1000).toISOString().split('T');
  const isLast = (key: string): boolean => key.includes(`/${day}/${time.slice(0, 8).replaceAll(':', '-')}`);
  let link: ArchiveLink | undefined;
  let isDenied = true;
  const server = await S3Server.start({
    fault: ({ method, key }) => {
      if (method === 'PUT' && isLast(key)) {
        rmSync(last.file);
        box.recordings.pop();
        link?.forget(last, last.file);
      }
      return method === 'DELETE' && isDenied && isLast(key) ? { status: 403, code: 'AccessDenied' } : undefined;
    },
  });
  link = await box.link({ archiveURL: server.url });
  await box.until(() => link?.status.uploaded.files === all.length);
  await box.until(() => server.objects.size < all.length - 1);
  expect([...server.objects.keys()].some(isLast)).toBe(true);
  await link.close();
  isDenied = false;
  await box.link({ archiveURL: server.url });
  const fromMs = box.clock.monoMs();
  await box.until(() => ![...server.objects.keys()].some(isLast));
  expect(box.clock.monoMs() - fromMs).toBeLessThan(120_000);
});
