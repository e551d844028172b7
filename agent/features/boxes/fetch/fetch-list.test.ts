import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { openCatalog } from '../../../../test/support/disks/catalog.ts';
import { filesBelow, record, WALL } from '../../../../test/support/disks/recordings.ts';
import { LOSSES, PowerCut, PowerCuts } from '../../../../test/support/disks/unsynced-loss.ts';
import { TEMPLATE } from '../../../../test/support/harness/playback.ts';
import { signMessage } from '../../../auth/pairing/message-signature.ts';
import { PairedServers } from '../../../auth/pairing/paired-servers.ts';
import { SignedRequests } from '../../../auth/pairing/signed-requests.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { ServerConnections, verifySignatures } from '../../../http/auth/signed-requests.ts';
import { createHttpApp } from '../../../http/listener/app.ts';
import type { ProtectedRange } from '../../../record/retention/protected-ranges.ts';
import { MAX_SNAPSHOT_BYTES, saveSnapshot, snapshotsOf } from '../../../record/snapshots/snapshot-files.ts';
import { Copier, type CopierDeps } from '../../../recordings/copy/copier.ts';
import type { LeftFile } from '../../../recordings/copy/left-file.ts';
import { type BoxClient, BoxRequests } from '../requests/box-requests.ts';
import { pairedRecordingRoutes } from '../serving/paired-recording-routes.ts';
import { OwnRecordingFiles } from '../serving/recording-files.ts';
import { BoxRecordings, type FetchRange } from './box-recordings.ts';
import type { BoxProtection } from './fetch-companions.ts';
import { FetchList, type FetchListDeps } from './fetch-list.ts';

const HOUR_MS = 3_600_000;
const PIECE_BYTES = 700;
const KEYS = generateKeyPairSync('ed25519');
const never = new AbortController().signal;

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'perch-fetch-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

/** A box with recordings of `cam` and `yard`, and its client on a server. */
async function openBox(from: string) {
  const clock = new FakeClock();
  const data = folder();
  const playback = openCatalog(data, { recordPaths: [join(from, TEMPLATE)], paths: ['cam', 'yard'] });
  onTestFinished(() => playback.close());
  await playback.rebuild(never);
  const paired = await PairedServers.open(data, clock, silentLogger);
  const key = KEYS.publicKey.export({ format: 'jwk' }).x ?? '';
  const { id } = await paired.add('House', key, {
    cameras: ['cam', 'yard'],
    live: true,
    recordings: true,
    talk: false,
  });
  const signatures = new SignedRequests(paired, () => true, clock);
  const app = createHttpApp({ log: silentLogger });
  onTestFinished(() => app.close());
  verifySignatures(app, { signatures, paired }, new ServerConnections());
  const damage = (_bytes: Buffer, _range: string) => {};
  const state = { isAway: false, busyMs: 0, isOpen: (_file: string) => false, requests: 0, damage };
  const ranges: ProtectedRange[] = [];
  const may = (server: string, path: string) => paired.find(server)?.may('playback', path) === true;
  await app.register(pairedRecordingRoutes, {
    access: {
      require: async (_request, _action, path) => {
        if (!may(id, path)) {
          throw new PerchError('unauthorized', 'not permitted');
        }
      },
    },
    files: new OwnRecordingFiles({
      clock,
      signal: never,
      recordings: {
        ...{ playback, titleOf: (path) => (path === 'yard' ? 'The yard' : undefined) },
        space: { protectedRanges: { fault: undefined, all: ranges } },
        get busyMs() {
          return state.busyMs;
        },
        isOpen: (file) => state.isOpen(file),
      },
    }),
    may,
  });
  const client: BoxClient = {
    request: async (_box, method, path, { query, headers }) => {
      if (state.isAway) {
        throw new PerchError('unavailable', 'no route to it');
      }
      state.requests += 1;
      const target = query === undefined ? path : `${path}?${query}`;
      const nonce = String(state.requests).padStart(22, 'n');
      const fields = { created: signatures.timeS, expires: signatures.timeS + 60, nonce, keyId: id };
      const signed = signMessage({ method, target, run: signatures.run, digest: undefined }, fields, KEYS.privateKey);
      const answer = await app.inject({ method, url: target, headers: { ...headers, ...signed } });
      const bytes = Buffer.from(answer.rawPayload);
      if (path.endsWith('/file')) {
        state.damage(bytes, headers['Range'] ?? '');
      }
      const head = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
      return { status: answer.statusCode, headers: head, body: Readable.from([bytes]) };
    },
    item: () => ({ name: 'old', state: state.isAway ? 'away' : 'connected', sinceMs: 0 }),
    noteSilence: () => {},
  };
  const rights = (recordings: boolean) => paired.change(id, { recordings });
  return {
    client,
    clock,
    playback,
    state,
    ranges,
    rights,
    source: new BoxRecordings('b', new BoxRequests(client, clock)),
  };
}

type Deps = FetchListDeps & CopierDeps;

/** Fetches `cam` as `door`, and `yard`. */
function openFetch(to: string, box: Awaited<ReturnType<typeof openBox>>, more: Partial<Deps> = {}) {
  const playback = openCatalog(folder(), { recordPaths: [join(to, TEMPLATE)], paths: ['door', 'yard'] });
  onTestFinished(() => playback.close());
  const left: LeftFile[] = [];
  let memory: object = {};
  const counts = { files: 0, bytes: 0, done: 0, present: 0, began: 0 };
  const saved: (BoxProtection & { readonly path: string })[] = [];
  const report = {
    left: (files: number, bytes: number) => void Object.assign(counts, { files, bytes }),
    forgetLeftOut: () => {
      left.length = 0;
    },
    begin: () => {
      counts.began += 1;
    },
    bytes: () => {},
    done: () => {
      counts.done += 1;
    },
    isPresent: () => {
      counts.present += 1;
    },
    leftOut: (file: LeftFile) => void left.push(file),
    keep: async (next: object) => {
      memory = next;
    },
  };
  const clock = new FakeClock();
  const deps: Deps = {
    clock: { monoMs: () => clock.monoMs(), wallMs: () => WALL + 24 * HOUR_MS },
    ...{ source: box.source, playback, zone: 'UTC', pieceBytes: PIECE_BYTES },
    settingsOf: () => ({ recordPath: join(to, TEMPLATE), recordDeleteAfterMs: 0 }),
    ...{ refusal: () => undefined, minFreeBytes: () => 0, take: async () => {}, takeEvents: async () => {} },
    protect: async (path, clip) => void saved.push({ path, ...clip }),
    ...more,
  };
  const items = [
    { group: 'cam', path: 'door' },
    { group: 'yard', path: 'yard' },
  ];
  return {
    ...{ playback, left, counts, report, saved },
    get memory() {
      return memory;
    },
    /** As after a start of the program. */
    run: async (range: FetchRange = {}, wait = async () => {}) => {
      await playback.rebuild(never);
      counts.done = 0;
      await new Copier(new FetchList(items, range, deps), memory, deps).run(report, { signal: never, wait });
    },
  };
}

/** By camera and name. */
const contentOf = (top: string, renamed = false) =>
  Object.fromEntries(
    filesBelow(top).map((file) => [
      renamed ? file.slice(top.length).replace('/cam/', '/door/') : file.slice(top.length),
      createHash('sha256').update(readFileSync(file)).digest('hex'),
    ]),
  );

async function makeRecordings(top: string, count = 3): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await record(top, 3, { wall: WALL + i * HOUR_MS, path: i === 1 ? 'yard' : 'cam' });
  }
}

async function setUp(count = 3, more: Partial<Deps> = {}) {
  const [from, to] = [folder(), folder()];
  await makeRecordings(from, count);
  const box = await openBox(from);
  return { from, to, box, fetch: openFetch(to, box, more) };
}

test('recordings of a box are fetched byte by byte, once, and it keeps them', async () => {
  const { from, to, box, fetch } = await setUp();
  const content = contentOf(from);
  expect(await box.source.cameras(never)).toMatchObject([
    { path: 'cam', name: null, files: 2, firstUs: WALL * 1000, lastUs: (WALL + 2 * HOUR_MS) * 1000 },
    { path: 'yard', name: 'The yard', files: 1 },
  ]);
  await fetch.run();
  expect(fetch.left).toEqual([]);
  expect(contentOf(to)).toEqual(contentOf(from, true));
  expect(contentOf(from)).toEqual(content);
  const times = (top: string) => filesBelow(top).map((file) => Math.round(statSync(file).mtimeMs));
  expect(times(to)).toEqual(times(from));
  expect(fetch.counts.done).toBe(3);
  expect(await fetch.playback.list('door', undefined, undefined, '')).toHaveLength(2);
  await fetch.run();
  expect(fetch.counts).toMatchObject({ files: 0, bytes: 0, done: 0 });
});

test('only recordings of a period', async () => {
  const { to, fetch } = await setUp();
  await fetch.run({ sinceUs: (WALL + HOUR_MS / 2) * 1000, untilUs: (WALL + 2 * HOUR_MS) * 1000 });
  expect(Object.keys(contentOf(to)).map((name) => name.slice(0, 19))).toEqual(['/yard/2026-07-01_13']);
});

test('what a box records meanwhile comes too; what it still writes is named', async () => {
  const { from, to, box, fetch } = await setUp();
  box.state.isOpen = (file) => file.includes('2026-07-01_14');
  let isNew = true;
  await fetch.run({}, async () => {
    if (isNew) {
      isNew = false;
      await record(from, 3, { wall: WALL + 3 * HOUR_MS, path: 'yard' });
      await box.playback.rebuild(never);
    }
  });
  expect(Object.keys(contentOf(to))).toHaveLength(3);
  expect(fetch.left).toMatchObject([{ file: 'cam 2026-07-01T14:00:00.000Z', why: 'busy' }]);
});

test('a part that arrives damaged is fetched again; one that always is, is named and leaves nothing', async () => {
  const { from, to, box, fetch } = await setUp(1);
  const tries = new Map<string, number>();
  box.state.damage = (bytes, range) => {
    tries.set(range, (tries.get(range) ?? 0) + 1);
    if (tries.get(range) !== 3) {
      bytes[bytes.length - 1] = ~(bytes.at(-1) ?? 0);
    }
  };
  await fetch.run();
  expect(contentOf(to)).toEqual(contentOf(from, true));
  rmSync(to, { recursive: true });
  mkdirSync(to);
  box.state.damage = (bytes) => void bytes.fill(0);
  const again = openFetch(to, box);
  await again.run();
  expect(again.left).toMatchObject([{ why: 'damaged', reason: expect.stringContaining('do not have the checksum') }]);
  expect(filesBelow(to)).toEqual([]);
});

test('a right that is revoked, and a box that is away, are named; then it continues where it was', async () => {
  const { from, to, box, fetch } = await setUp();
  let steps = 0;
  const stops = async () => {
    steps += 1;
    if (steps === 9) {
      await box.rights(false);
    }
  };
  await expect(fetch.run({}, stops)).rejects.toMatchObject({ code: 'unavailable', context: { why: 'boxRefuses' } });
  await box.rights(true);
  box.state.isAway = true;
  await expect(fetch.run()).rejects.toMatchObject({ message: expect.stringMatching(/^box 'old' is away/) });
  box.state.isAway = false;
  await box.clock.advance(10_000);
  const [before, parts] = [box.state.requests, Math.ceil(filesBelow(from).map((file) => statSync(file).size)[0] ?? 0)];
  expect(parts).toBeGreaterThan(PIECE_BYTES);
  await fetch.run();
  expect(box.state.requests).toBeGreaterThan(before);
  expect(contentOf(to)).toEqual(contentOf(from, true));
});

test('a full disk stops it, newest first; it continues when there is room', async () => {
  let room = 1;
  const { from, to, fetch } = await setUp(3, {
    minFreeBytes: (diskBytes) => {
      room -= 1;
      return room >= 0 ? 0 : diskBytes;
    },
  });
  await expect(fetch.run()).rejects.toMatchObject({ code: 'exhausted', context: { why: 'full' } });
  expect(filesBelow(to).map((file) => basename(file).slice(0, 13))).toEqual(['2026-07-01_14']);
  room = 9;
  await fetch.run();
  expect(contentOf(to)).toEqual(contentOf(from, true));
});

test('what is here already is not doubled; what is another recording is named', async () => {
  const [from, to] = [folder(), folder()];
  await makeRecordings(from);
  await record(from, 6, { wall: WALL + 5 * HOUR_MS, path: 'yard' });
  const fetch = openFetch(to, await openBox(from));
  await record(to, 3, { wall: WALL + 100, path: 'door' });
  await record(to, 4, { wall: WALL + HOUR_MS - 500, path: 'yard' });
  await record(to, 3, { wall: WALL + 5 * HOUR_MS + 1_000, path: 'yard' });
  const taken = join(to, 'door/2026-07-01_14-00-00-000000.mp4');
  writeFileSync(taken, 'another recording');
  const before = contentOf(to);
  await fetch.run();
  expect(contentOf(to)).toEqual(before);
  expect(fetch.left.map(({ file, why }) => [file.slice(0, 18), why])).toEqual([
    ['yard 2026-07-01T17', 'overlap'],
    ['cam 2026-07-01T14:', 'taken'],
  ]);
  expect(fetch.counts.present).toBe(2);
});

test('recordings that would be deleted at once are named, and those that have changed on the box', async () => {
  const { from, to, box } = await setUp();
  const [file = ''] = filesBelow(from).filter((name) => name.includes('_14-'));
  truncateSync(file, 200);
  const [other = ''] = filesBelow(from).filter((name) => name.includes('_13-'));
  writeFileSync(other, 'no recording');
  utimesSync(other, 1e9, 1e9);
  const changed = openFetch(to, box);
  await changed.run();
  expect(changed.left.map(({ why }) => why)).toEqual(['busy', 'busy']);
  rmSync(to, { recursive: true });
  mkdirSync(to);
  const recordDeleteAfterMs = 23.5 * HOUR_MS;
  const fetch = openFetch(to, box, { settingsOf: () => ({ recordPath: join(to, TEMPLATE), recordDeleteAfterMs }) });
  await fetch.run();
  expect(fetch.left.map(({ why }) => why)).toEqual(['busy', 'busy', 'old']);
  expect(filesBelow(to)).toEqual([]);
});

test('what is protected on the box is protected here before it comes, however old', async () => {
  const { to, box } = await setUp();
  const clip = (path: string, startMs: number, note: string) => ({
    ...{ id: randomUUID(), path, startUs: startMs * 1000, endUs: (startMs + 1_000) * 1000, note },
    ...{ createdMs: WALL, by: 'Ada' },
  });
  for (let i = 0; i < 150; i += 1) {
    box.ranges.push(clip('yard', WALL + HOUR_MS + i, `${i}`));
  }
  box.ranges.push(clip('cam', WALL + 1_000, 'the fox'), clip('cellar', WALL, 'not for this server'));
  const recordDeleteAfterMs = 22.5 * HOUR_MS;
  const settingsOf = () => ({ recordPath: join(to, TEMPLATE), recordDeleteAfterMs });
  const orders: string[] = [];
  const fetch = openFetch(to, box, {
    settingsOf,
    protect: async (path, { note }) => void orders.push(`${path} ${note} ${filesBelow(to).length}`),
  });
  await fetch.run({ untilUs: (WALL + 90 * 60_000) * 1000 });
  expect(fetch.left).toEqual([]);
  expect(Object.keys(contentOf(to))).toHaveLength(2);
  expect(orders.slice(0, 151)).toEqual([
    'door the fox 0',
    ...box.ranges.slice(0, 150).map(({ note }) => `yard ${note} 0`),
  ]);
  const later = openFetch(to, box);
  await later.run({ untilUs: (WALL + HOUR_MS / 2) * 1000 });
  const { id: _, ...fox } = clip('door', WALL + 1_000, 'the fox');
  expect(later.saved).toEqual([fox]);
});

test('stills come with their times, once, and later those that were missing', async () => {
  const { from, to, box, fetch } = await setUp();
  const [newest = ''] = filesBelow(from).filter((name) => name.includes('_14-'));
  const jpeg = (size: number) => Buffer.concat([Buffer.from([0xff, 0xd8]), randomBytes(size - 2)]);
  for (let i = 0; i < 11; i += 1) {
    await saveSnapshot(newest, jpeg(i === 3 ? MAX_SNAPSHOT_BYTES : 400 + i), WALL + 2 * HOUR_MS + i * 251);
  }
  await fetch.run();
  expect(contentOf(to)).toEqual(contentOf(from, true));
  const timesOf = async (top: string) => {
    const [file = ''] = filesBelow(top).filter((name) => name.endsWith('_14-00-00-000000.mp4'));
    return (await snapshotsOf(file)).map(({ timeMs }) => Math.round(timeMs));
  };
  expect(await timesOf(to)).toEqual(await timesOf(from));
  const before = box.state.requests;
  await fetch.run();
  const unchanged = box.state.requests - before;
  await saveSnapshot(newest, jpeg(500), WALL + 2 * HOUR_MS + 3_000);
  await fetch.run();
  expect(box.state.requests - before).toBe(2 * unchanged + 1);
  expect(contentOf(to)).toEqual(contentOf(from, true));
});

test('the box reads nothing while its recorders wait for the disk', async () => {
  const { box, fetch } = await setUp(1);
  box.state.busyMs = 500;
  const done = fetch.run();
  await expect.poll(() => box.clock.sleeping).toBeGreaterThan(1);
  expect(fetch.counts.done).toBe(0);
  box.state.busyMs = 0;
  await box.clock.advance(100);
  await done;
  expect(fetch.counts.done).toBe(1);
});

/** In the short length the power is cut before every third operation. */
const CUT_STEP = byLength(3, 1);

test('a power cut before any operation loses nothing, doubles nothing and leaves nothing', {
  timeout: 120_000,
}, async () => {
  const { from, to, box } = await setUp(2);
  const [one = ''] = filesBelow(from);
  await saveSnapshot(one, Buffer.from([0xff, 0xd8, 1, 2]), WALL);
  const content = contentOf(from, true);
  const operationsOf = async (): Promise<number> => {
    using cuts = new PowerCuts(to);
    await openFetch(to, box, { pieceBytes: 3_000 }).run();
    return cuts.happened;
  };
  const operations = await operationsOf();
  expect(operations).toBeGreaterThan(20);
  const faults: string[] = [];
  for (let at = 0; at < operations; at += CUT_STEP) {
    for (const loss of byLength([LOSSES[Math.floor(at / CUT_STEP) % LOSSES.length] ?? 'nothing'], LOSSES)) {
      rmSync(to, { recursive: true });
      mkdirSync(to);
      let memory: object = {};
      {
        using cuts = new PowerCuts(to);
        cuts.left = at;
        const fetch = openFetch(to, box, { pieceBytes: 3_000 });
        await fetch.run().catch((error: unknown) => expect(error).toBeInstanceOf(PowerCut));
        cuts.switchOn(loss);
        memory = fetch.memory;
      }
      const again = openFetch(to, box, { pieceBytes: 3_000 });
      await again.report.keep(memory);
      await again.run();
      if (JSON.stringify(contentOf(to)) !== JSON.stringify(content) || again.left.length > 0) {
        faults.push(`${loss} lost at ${at}: ${Object.keys(contentOf(to))} ${JSON.stringify(again.left)}`);
      }
    }
  }
  expect(faults).toEqual([]);
});
