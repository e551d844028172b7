import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TransferState } from '../../../agent/recordings/copy/transfer-kind.ts';
import { type Agent, freeAgentPorts, startAgent, until } from '../../peers/agent/agent.ts';
import { asOwner, pairBox } from '../../peers/agent/paired-boxes.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { freePort } from '../../support/base/free-port.ts';
import type { Figure } from '../measure/figure.ts';
import { recordHour } from '../playback/hour-recording.ts';

const FILES = 2;
const RUNS = 3;
/** Maximum size of pictures other than key frames. */
const MAX_PICTURE_BYTES = 400;
const CAMERA = { source: 'publisher', recordDeleteAfter: '0s' };

async function start(dataDir: string) {
  const [ports, tls] = [await freeAgentPorts(), await freePort()];
  const listen = () => ({ tlsAddress: `127.0.0.1:${tls}` });
  return { agent: await startAgent({ dataDir, ports, isOwned: true, listen }), tls };
}

interface Span {
  readonly start: string;
  readonly duration: number;
}

/** Downloads of all recordings by https, flushed to the disk. */
async function download(box: Agent, tls: number, to: string): Promise<void> {
  for (const { start: from, duration } of await asOwner<Span[]>(box, 'GET', '/playback/list?path=cam')) {
    const query = new URLSearchParams({ path: 'cam', start: from, duration: String(duration), format: 'fmp4' });
    const url = `https://127.0.0.1:${tls}/playback/get?${query}`;
    const login = ['-H', `Cookie: ${box.headers['cookie']}`];
    const script = 'out="$1"; shift; curl -sSfk "$@" -o "$out" && sync "$out"';
    const { code, output } = await runProcess('sh', ['-c', script, 'sh', join(to, 'curl.mp4'), ...login, url]);
    if (code !== 0) {
      throw new Error(output);
    }
  }
}

async function fetchAll(server: Agent, box: string): Promise<void> {
  await asOwner(server, 'POST', '/v3/recordings/transfer', {
    kind: 'fetch',
    box,
    items: [{ group: 'cam', path: 'cam' }],
  });
  const state = await until(async () => {
    const now = await asOwner<TransferState>(server, 'GET', '/v3/recordings/transfer');
    return now.phase === 'running' ? undefined : now;
  });
  if (state.phase !== 'done' || state.files.done !== FILES) {
    throw new Error(JSON.stringify(state));
  }
}

async function secondsOf(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}

export const transferFetch: Figure = {
  name: 'transfer-fetch',
  unit: '× the time of curl and sync',
  goal: 4,
  isAbsolute: false,
  about: 'fetching recordings from another box of this machine, each part compared on arrival and read back',
  measure: async (note) => {
    const folders = ['box', 'server'].map((name) => mkdtempSync(`/var/tmp/perch-fetch-${name}-`));
    const [boxData = '', serverData = ''] = folders;
    try {
      const hour = await recordHour(boxData, 0, MAX_PICTURE_BYTES);
      mkdirSync(join(boxData, 'recordings/cam'), { recursive: true });
      for (let i = 0; i < FILES; i += 1) {
        copyFileSync(hour.file, join(boxData, `recordings/cam/2026-07-01_${12 + 2 * i}-00-00-000000.mp4`));
      }
      const box = await start(boxData);
      await using _ = box.agent;
      const server = await start(serverData);
      await using __ = server.agent;
      for (const { agent } of [box, server]) {
        await asOwner(agent, 'POST', '/v3/config/paths/add/cam', CAMERA);
      }
      const { id } = await pairBox(server.agent, box.agent, ['cam']);
      const [ratios, bytes] = [[] as number[], FILES * statSync(hour.file).size];
      const rate = (seconds: number) => `${Math.round(bytes / seconds / 1e6)} MB/s`;
      for (let i = 0; i < RUNS; i += 1) {
        const floor = await secondsOf(() => download(box.agent, box.tls, serverData));
        rmSync(join(serverData, 'recordings/cam'), { recursive: true, force: true });
        const fetched = await secondsOf(() => fetchAll(server.agent, id));
        note(`${rate(fetched)}, curl and sync ${rate(floor)}`);
        ratios.push(fetched / floor);
      }
      return ratios;
    } finally {
      for (const folder of folders) {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  },
};
