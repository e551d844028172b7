import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import type { PathItem } from '../../../../agent/http/api/streams/paths.ts';
import { type Agent, OWNER_PASSWORD, startAgent, until } from '../../../peers/agent/agent.ts';
import { byLength } from '../../../peers/programs/peers.ts';

const OFFER = readFileSync(join(import.meta.dirname, '../../../fixtures/offers/chromium-156-linux.sdp'), 'utf8');
const BOXES = 10;
const CAMERAS_OF_BOX = 10;
/** Pause between a miss and the next attempt; doubled each time while nobody asks. */
const FIRST_PAUSE_MS = 2_000;
/** After none, 2, 6 and 14 seconds. */
const TRIES = byLength(3, 4);
/** Timers may fire a little early. */
const EARLY_MS = 100;

interface AbsentBox {
  readonly id: string;
  readonly server: Server;
  readonly port: number;
  /** Times of the connections, in monotonic ms. */
  readonly triedMs: number[];
  /** Whether it hangs: a connection then lasts until the server gives it up. */
  readonly hangs: boolean;
  /** The connection that is open now. */
  held: Socket | undefined;
}

/** Listens at the address of an absent box: hangs, or ends each connection. */
async function absentBox(index: number): Promise<AbsentBox> {
  const server = createServer((socket) => {
    box.triedMs.push(performance.now());
    socket.on('error', () => {});
    if (box.hangs) {
      box.held = socket.resume();
      socket.once('close', () => {
        box.held = box.held === socket ? undefined : box.held;
      });
    } else {
      socket.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const box: AbsentBox = {
    ...{ id: String(index).repeat(16), server, port, triedMs: [] },
    ...{ hangs: index % 2 === 1, held: undefined },
  };
  return box;
}

/** Repeats `work` for each box until it has begun and ended during one connection to each that hangs: it waits for none of them. */
async function whileTried(boxes: readonly AbsentBox[], work: (box: AbsentBox) => Promise<unknown>): Promise<void> {
  const left = new Set(boxes.filter(({ hangs }) => hangs));
  await until(async () => {
    for (const box of boxes) {
      const { held } = box;
      await work(box);
      if (held !== undefined && held === box.held) {
        left.delete(box);
      }
    }
    return left.size === 0 || undefined;
  });
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
    const paths = cameras().map(({ id, path }) => `  ${path}: {source: 'perch://${id}/cam', sourceOnDemand: yes}\n`);
    startedMs = performance.now();
    server = await startAgent({ isOwned: true, dataDir, config: `perch: own\npaths:\n${paths.join('')}` });
  });
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
    await until(() => boxes.every(({ hangs, held }) => held !== undefined || !hangs) || undefined);
    const list = () => server.json<{ readonly items: readonly PathItem[] }>('/v3/paths/list?itemsPerPage=1000');
    await whileTried(boxes, list);
    const { items } = await list();
    const sinceOf = new Map(listed.map(({ id, since }) => [id, since]));
    expect(items.filter(({ box }) => box !== null)).toHaveLength(BOXES * CAMERAS_OF_BOX);
    for (const { box } of items) {
      expect(Date.parse(box?.awaySince ?? '')).toBe(Date.parse(sinceOf.get(box?.id ?? '') ?? ''));
    }
    await until(() => boxes.every(({ triedMs }) => triedMs.length >= TRIES) || undefined);
    // A busy machine notices connections late, never early.
    for (const { triedMs } of boxes) {
      for (const [i, atMs] of triedMs.slice(0, TRIES).entries()) {
        expect(atMs - startedMs).toBeGreaterThan(FIRST_PAUSE_MS * (2 ** i - 1) - EARLY_MS);
      }
    }
  });

  test('let no request wait, and are not stormed by them', { timeout: 120_000 }, async () => {
    const [before, sinceMs] = [boxes.map(({ triedMs }) => triedMs.length), performance.now()];
    const ask = async (asked: ReturnType<typeof cameras>) => {
      const answers = await Promise.all(
        asked.map(async ({ path }) => {
          const answer = await fetch(`${server.url}/playback/list?path=${path}`, { headers: server.headers });
          return [answer.status, ((await answer.json()) as { readonly why?: string }).why];
        }),
      );
      expect(answers).toEqual(answers.map(() => [503, 'boxAway']));
    };
    await ask(cameras());
    await until(async () => {
      await whileTried(boxes, ({ id }) => ask(cameras().filter((camera) => camera.id === id)));
      return boxes.every(({ triedMs }, i) => triedMs.length >= (before[i] ?? 0) + 2) || undefined;
    });
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
