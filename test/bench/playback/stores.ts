import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { asOwner, pairBox, startBox } from '../../peers/agent/paired-boxes.ts';
import { record } from '../../support/disks/recordings.ts';
import type { Figure } from '../measure/figure.ts';

const HOURS = 24;
const DAY_MS = Date.UTC(2026, 6, 1);
const HOUR_MS = 3_600_000;
/** Pictures from a key frame to the next: two seconds. */
const GOP = 20;
const PLAYLISTS = 24;
/** Even hours of it lie on the server, and those of the box fill the others. */
const STORES = ['local', 'archived', 'box', 'joined'] as const;
type StoreName = (typeof STORES)[number];
const KINDS = ['first-byte', 'rewind', 'playlist'] as const;
type Kind = (typeof KINDS)[number];
type Measured = Readonly<Record<Kind, number[]>>;

/** All figures come from one run. */
let run: Promise<Readonly<Record<StoreName, Measured>>> | undefined;

/** A day of a camera. */
async function recordDay(folder: string): Promise<void> {
  for (let hour = 0; hour < HOURS; hour += 1) {
    const wall = DAY_MS + hour * HOUR_MS;
    await record(folder, HOUR_MS / 1000, { wall, gop: GOP, segmentDurationMs: 2 * HOUR_MS });
  }
}

/** Copies recordings of a day. @param step hours from one copy to the next */
function copyDay(from: string, to: string, step = 1): void {
  mkdirSync(to, { recursive: true });
  for (const [hour, name] of readdirSync(from).sort().entries()) {
    if (hour % step === 0) {
      copyFileSync(join(from, name), join(to, name));
    }
  }
}

async function startServer(nas: string, box: Agent): Promise<Agent> {
  const server = await startAgent({ isOwned: true });
  const camera = { source: 'publisher', recordDeleteAfter: '0s' };
  await asOwner(server, 'POST', '/v3/config/paths/add/local', camera);
  await asOwner(server, 'POST', '/v3/config/paths/add/archived', { ...camera, recordArchive: 'all' });
  const { id } = await pairBox(server, box, ['cam']);
  await asOwner(server, 'POST', '/v3/config/paths/add/joined', { source: `perch://${id}/cam` });
  await asOwner(server, 'POST', '/v3/config/paths/add/box', { source: `perch://${id}/cam` });
  const recordings = (agent: Agent, path: string) => join(agent.dataDir, 'recordings', path);
  copyDay(recordings(box, 'cam'), recordings(server, 'local'));
  copyDay(recordings(box, 'cam'), recordings(server, 'joined'), 2);
  copyDay(recordings(box, 'cam'), recordings(server, 'archived'));
  // Reads the files, so that the archive finds them.
  await server.json('/playback/list?path=archived');
  await asOwner(server, 'PATCH', '/v3/config/global/patch', { archive: 'folder', archiveFolder: nas });
  await until(async () => {
    const { archived } = await server.json<{ readonly archived: { readonly files: number } }>('/v3/archive');
    return archived.files === HOURS ? true : undefined;
  });
  rmSync(recordings(server, 'archived'), { recursive: true });
  return server;
}

/** @returns milliseconds to the first byte, and the text */
async function ask(server: Agent, path: string, isWhole: boolean, range?: string) {
  const startedMs = performance.now();
  const headers = { ...server.headers, ...(range !== undefined && { range }) };
  const answer = await fetch(`${server.url}/playback/${path}`, { headers });
  if (!answer.ok) {
    throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  }
  const reader = answer.body?.getReader();
  await reader?.read();
  const firstMs = performance.now() - startedMs;
  let bytes = 0;
  while (isWhole) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) {
      break;
    }
    bytes += value?.length ?? 0;
  }
  await reader?.cancel();
  return { firstMs, wholeMs: performance.now() - startedMs, bytes };
}

const at = (ms: number): string => new Date(DAY_MS + ms).toISOString();

/** Segments of a day's playlist, by the hour. */
async function segmentsOf(server: Agent, store: StoreName) {
  const address = `${server.url}/playback/${store}/media.m3u8?start=${at(0)}&duration=${HOURS * 3_600}`;
  const lines = (await (await fetch(address, { headers: server.headers })).text()).split('\n');
  const segments = lines.flatMap((line, i) => {
    const [, length = 0, offset = 0] = /^#EXT-X-BYTERANGE:(\d+)@(\d+)/.exec(line)?.map(Number) ?? [];
    return length > 0 ? [{ file: lines[i + 1] ?? '', range: `bytes=${offset}-${offset + length - 1}` }] : [];
  });
  if (segments.length < HOURS * 500) {
    throw new Error(`${store}: ${segments.length} segments`);
  }
  return segments;
}

async function measureStore(server: Agent, store: StoreName, note: (text: string) => void): Promise<Measured> {
  const measured: Measured = { 'first-byte': [], rewind: [], playlist: [] };
  for (let hour = 0; hour < HOURS; hour += 1) {
    const start = at((hour + 0.1) * HOUR_MS);
    measured['first-byte'].push((await ask(server, `get?path=${store}&start=${start}&duration=600`, false)).firstMs);
  }
  const segments = await segmentsOf(server, store);
  for (let hour = HOURS - 1; hour >= 0; hour -= 1) {
    const { file, range } = segments[Math.floor((segments.length * (hour + 0.5)) / HOURS)] ?? { file: '', range: '' };
    measured.rewind.push((await ask(server, `${store}/${file}`, true, range)).wholeMs);
  }
  for (let i = 0; i < PLAYLISTS; i += 1) {
    const path = `${store}/media.m3u8?start=${at(i * 1_000)}&duration=${HOURS * 3_600 - i}`;
    measured.playlist.push((await ask(server, path, true)).wholeMs);
  }
  for (const kind of KINDS) {
    note(`${store} ${kind} ${measured[kind].map((ms) => ms.toFixed(1)).join(', ')} ms`);
  }
  return measured;
}

async function measureAll(note: (text: string) => void): Promise<Readonly<Record<StoreName, Measured>>> {
  const nas = mkdtempSync('/var/tmp/perch-stores-');
  try {
    await using box = await startBox(['cam'], []);
    await asOwner(box, 'PATCH', '/v3/config/paths/patch/cam', { recordDeleteAfter: '0s' });
    await recordDay(join(box.dataDir, 'recordings'));
    await using server = await startServer(nas, box);
    const results: [StoreName, Measured][] = [];
    for (const store of STORES) {
      results.push([store, await measureStore(server, store, note)]);
    }
    return Object.fromEntries(results) as Record<StoreName, Measured>;
  } finally {
    rmSync(nas, { recursive: true, force: true });
  }
}

const ABOUT: Readonly<Record<Kind, string>> = {
  'first-byte': 'time to the first byte of /get of ten minutes, another hour each time',
  rewind: 'time to a whole segment of an earlier hour of a playlist',
  playlist: 'time to the playlist of a day in segments of six seconds, after the first one',
};
const GOALS_MS: Readonly<Record<Kind, number>> = { 'first-byte': 50, rewind: 20, playlist: 150 };
const PLACES: Readonly<Record<StoreName, string>> = {
  local: 'recordings on a disk',
  archived: 'recordings in a folder as archive',
  box: 'recordings of another box of this machine',
  joined: 'every second hour here, the others on another box',
};

export const storeFigures: readonly Figure[] = KINDS.flatMap((kind) =>
  STORES.map((store) => ({
    name: `store-${kind}-${store}`,
    unit: 'ms',
    goal: GOALS_MS[kind],
    isAbsolute: true,
    about: `${ABOUT[kind]}: ${PLACES[store]}`,
    measure: async (note) => {
      run ??= measureAll(note);
      return (await run)[store][kind];
    },
  })),
);
