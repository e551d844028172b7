import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BoxAnswer } from '../../../agent/http/api/boxes/box-routes.ts';
import type { PathItem } from '../../../agent/http/api/streams/paths.ts';
import { type Agent, OWNER_PASSWORD, startAgent, until } from '../../peers/agent/agent.ts';
import { asOwner } from '../../peers/agent/paired-boxes.ts';

const OFFER = readFileSync(join(import.meta.dirname, '../../fixtures/offers/chromium-156-linux.sdp'), 'utf8');
const BOXES = 10;
const CAMERAS_OF_BOX = 10;
/** Pause between a miss and the next attempt; doubled each time while nobody asks. */
const FIRST_PAUSE_MS = 2_000;
/** Timers may fire a little early. */
const EARLY_MS = 100;
/** Shorter than the time for which a server waits for a box. */
const MAX_ALL_MS = 5_000;

interface AbsentBox {
  readonly id: string;
  readonly server: Server;
  readonly port: number;
  /** Times of the connections, in monotonic ms. */
  readonly triedMs: number[];
}

/** Listens at the address of an absent box: hangs, or ends each connection. */
async function absentBox(index: number): Promise<AbsentBox> {
  const triedMs: number[] = [];
  const server = createServer((socket) => {
    triedMs.push(performance.now());
    socket.on('error', () => {});
    if (index % 2 === 0) {
      socket.destroy();
    } else {
      socket.resume();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { id: String(index).repeat(16), server, port, triedMs };
}

/** The status of a first DESCRIBE. */
function describeStatus({ ports }: Agent, path: string): Promise<number> {
  const socket = connect(ports.rtsp, '127.0.0.1');
  const login = Buffer.from(`owner:${OWNER_PASSWORD}`).toString('base64');
  const url = `rtsp://127.0.0.1:${ports.rtsp}/${path}`;
  socket.write(`DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic ${login}\r\n\r\n`);
  return new Promise((resolve, reject) => {
    socket.once('error', reject).once('data', (data) => {
      resolve(Number(/^RTSP\/1\.0 (\d+)/.exec(String(data))?.[1]));
      socket.destroy();
    });
  });
}

describe('ten boxes that are away at once', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-away-'));
  let boxes: readonly AbsentBox[] = [];
  let server: Agent;
  let startedMs = 0;
  const cameras = () =>
    boxes.flatMap(({ id }) => Array.from({ length: CAMERAS_OF_BOX }, (_, i) => ({ id, path: `box${id[0]}/cam${i}` })));

  beforeAll(async () => {
    boxes = await Promise.all(Array.from({ length: BOXES }, (_, i) => absentBox(i)));
    const { d: secret, x: key } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    const stored = boxes.map(({ id, port }) => ({
      ...{ id, name: `House ${id[0]}`, version: '0.1.0', live: true, recordings: true, created: 0, seen: 0 },
      ...{ cameras: [], addresses: [`127.0.0.1:${port}`], pin: `key.${'A'.repeat(43)}`, server: 'AbCdEfGh-_123456' },
      ...{ secret, key },
    }));
    writeFileSync(join(dataDir, 'boxes.json'), JSON.stringify({ boxes: stored }), { mode: 0o600 });
    startedMs = performance.now();
    server = await startAgent({ isOwned: true, dataDir });
    for (const { id, path } of cameras()) {
      const source = `perch://${id}/cam`;
      await asOwner(server, 'POST', `/v3/config/paths/add/${path}`, { source, sourceOnDemand: true });
    }
  }, 120_000);
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    for (const box of boxes) {
      box.server.close();
    }
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('are tried more and more seldom, and each camera says since when', { timeout: 120_000 }, async () => {
    const listed = await until(async () => {
      const { items } = await server.json<{ readonly items: readonly BoxAnswer[] }>('/v3/boxes/list');
      return items.every(({ state }) => state === 'away') ? items : undefined;
    });
    expect(listed).toHaveLength(BOXES);
    const beganMs = performance.now();
    const { items } = await server.json<{ readonly items: readonly PathItem[] }>('/v3/paths/list?itemsPerPage=1000');
    expect(performance.now() - beganMs).toBeLessThan(MAX_ALL_MS);
    const sinceOf = new Map(listed.map(({ id, since }) => [id, since]));
    expect(items.filter(({ box }) => box !== null)).toHaveLength(BOXES * CAMERAS_OF_BOX);
    for (const { box } of items) {
      expect(Date.parse(box?.awaySince ?? '')).toBe(Date.parse(sinceOf.get(box?.id ?? '') ?? ''));
    }
    await until(() => boxes.every(({ triedMs }) => triedMs.length >= 4) || undefined);
    // A busy machine notices connections late, never early.
    for (const { triedMs } of boxes) {
      for (const [i, atMs] of triedMs.slice(0, 4).entries()) {
        expect(atMs - startedMs).toBeGreaterThan(FIRST_PAUSE_MS * (2 ** i - 1) - EARLY_MS);
      }
    }
  });

  test('let no request wait, and are not stormed by them', { timeout: 120_000 }, async () => {
    const [before, sinceMs] = [boxes.map(({ triedMs }) => triedMs.length), performance.now()];
    const roundsMs: number[] = [];
    await until(async () => {
      const beganMs = performance.now();
      const answers = await Promise.all(
        cameras().map(async ({ path }) => {
          const answer = await fetch(`${server.url}/playback/list?path=${path}`, { headers: server.headers });
          return [answer.status, ((await answer.json()) as { readonly why?: string }).why];
        }),
      );
      expect(answers).toEqual(answers.map(() => [503, 'boxAway']));
      roundsMs.push(performance.now() - beganMs);
      return boxes.every(({ triedMs }, i) => triedMs.length >= (before[i] ?? 0) + 2) || undefined;
    });
    expect(Math.max(...roundsMs)).toBeLessThan(MAX_ALL_MS);
    const mostTries = (performance.now() - sinceMs) / (FIRST_PAUSE_MS - EARLY_MS) + 2;
    for (const [i, { triedMs }] of boxes.entries()) {
      expect(triedMs.length - (before[i] ?? 0)).toBeLessThan(mostTries);
    }
    const live = await Promise.all(
      boxes.map(async ({ id }) => {
        const path = `box${id[0]}/cam1`;
        const offer = { ...server.headers, 'Content-Type': 'application/sdp' };
        const [hls, whep, rtsp] = await Promise.all([
          fetch(`${server.url}/hls/${path}/index.m3u8`, { headers: server.headers }),
          fetch(`${server.url}/webrtc/${path}/whep`, { method: 'POST', headers: offer, body: OFFER }),
          describeStatus(server, path),
        ]);
        return [hls.status, whep.status, rtsp];
      }),
    );
    expect(live).toEqual(live.map(() => [503, 503, 503]));
    const log = server.process.output().match(/box is away/g) ?? [];
    expect(log.length).toBe(BOXES);
  });
});
