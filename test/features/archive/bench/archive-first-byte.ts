import { once } from 'node:events';
import { createReadStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { archivedFactsOf } from '../../../../agent/features/archive/archive-source.ts';
import { ArchiveLink } from '../../../../agent/features/archive/copies/archive-link.ts';
import type { RecordingSource } from '../../../../agent/features/archive/storage/contracts.ts';
import type { Playback } from '../../../../agent/playback/playback.ts';
import { type Figure, median } from '../../../bench/measure/figure.ts';
import { recordHour } from '../../../bench/playback/hour-recording.ts';
import { FarServer } from '../../../impair/far-server.ts';
import { WALL } from '../../../support/disks/recordings.ts';
import { openPlayback } from '../../../support/harness/playback.ts';
import { keyRing, SETTINGS } from '../support/archive-harness.ts';

const ROUND_TRIP_MS = 50;
const RUNS = 9;
const BOX = '0123456789ab';
const KEY = `perch/${BOX}/cam/2026-07-01/12-00-00-000000Z.mp4`;
/** Behind the header of the answer: media have arrived. */
const MEDIA_BYTES = 64 << 10;

interface Reads {
  readonly server: Server;
  readonly sentBytes: () => number;
}

/** A bucket with one object, which is a file on the disk. */
async function bucketOf(file: string): Promise<Reads> {
  const { size } = statSync(file);
  let sentBytes = 0;
  const server = createServer((request, response) => {
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (request.url?.includes('list-type')) {
      response.end(`<R><Contents><Key>${KEY}</Key><Size>${size}</Size></Contents></R>`);
    } else if (first === undefined) {
      response.end('<R></R>');
    } else {
      const [start, end] = [Number(first), Number(last)];
      sentBytes += end - start + 1;
      response.writeHead(206, { 'content-length': end - start + 1 });
      createReadStream(file, { start, end }).pipe(response);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, sentBytes: () => sentBytes };
}

const SOURCE = {
  ...{ isWhole: true, isClockTrusted: true, isProtectionKnown: true, isHeldUp: false },
  names: async () => [],
  scopeOf: () => 'no',
  keptMs: () => 0,
  finishedFrom: () => [],
  startsOf: () => [],
  factsOf: async () => undefined,
  archivedFactsOf,
  tableOf: async () => undefined,
  signaturesOf: async () => undefined,
  protectedOf: () => [],
} satisfies RecordingSource;

/** A box whose only recording is in the bucket. */
async function boxOf(folder: string, port: number): Promise<{ playback: Playback; link: ArchiveLink }> {
  mkdirSync(join(folder, 'data'));
  mkdirSync(join(folder, 'rec'));
  const state = { id: BOX, place: '', isMarked: false, isListed: false };
  writeFileSync(join(folder, 'data/archive.json'), JSON.stringify(state));
  const playback = openPlayback(join(folder, 'rec'), join(folder, 'data/segments.db'));
  const link = await ArchiveLink.start({
    ...{ source: SOURCE, dataDir: join(folder, 'data'), clock: systemClock, log: silentLogger },
    settings: { ...SETTINGS, archiveURL: `http://127.0.0.1:${port}` },
    keys: keyRing(),
    onFound: () => playback.copies.sync(),
    onRemoved: () => {},
  });
  playback.copies.add({
    ...{ stored: link.recordings, away: undefined, isAwaited: () => false, deletedByHand: () => {} },
    mayAppear: () => false,
  });
  await playback.copies.sync();
  while ((await playback.list('cam', undefined, undefined, '').catch(() => [])).length === 0) {
    await delay(100);
  }
  return { playback, link };
}

async function firstMedia(playback: Playback, offsetMs: number): Promise<number> {
  const startedMs = performance.now();
  const query = { path: 'cam', startUs: (WALL + offsetMs) * 1000, durationUs: 3600e6, format: 'fmp4' } as const;
  const { file } = await playback.get(query);
  let bytes = 0;
  for await (const chunk of file.read(0, file.sizeBytes)) {
    bytes += (chunk as Uint8Array).length;
    if (bytes >= MEDIA_BYTES) {
      break;
    }
  }
  return performance.now() - startedMs;
}

async function measure(note: (text: string) => void): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-archive-bench-'));
  try {
    const hour = await recordHour(join(folder, 'hour'));
    const { server, sentBytes } = await bucketOf(hour.file);
    const { port } = server.address() as { readonly port: number };
    await using far = await FarServer.start(port, ROUND_TRIP_MS);
    const { playback, link } = await boxOf(folder, far.port);
    const times: number[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      playback.tables.clear();
      far.disconnect();
      await delay(2 * ROUND_TRIP_MS);
      const before = sentBytes();
      times.push(await firstMedia(playback, 600_000 + i * 1_000));
      note(
        `${times.at(-1)?.toFixed(0)} ms, ${((sentBytes() - before) / 1e6).toFixed(1)} MB of ${(hour.sizeBytes / 1e6).toFixed(0)} read`,
      );
    }
    await link.close();
    await playback.close();
    server.closeAllConnections();
    server.close();
    return times;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const archiveFirstByte: Figure = {
  name: 'archive-first-byte',
  unit: 'ms',
  goal: 400,
  isAbsolute: true,
  about:
    'time to the first media of /get of 1 h that only a bucket has, over a link of 50 ms, with new connections and empty caches',
  measure: async (note) => [median(await measure(note))],
};
