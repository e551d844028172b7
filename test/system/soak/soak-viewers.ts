import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent } from '../../peers/agent/agent.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { pull } from '../../support/clients/rtsp-pull.ts';

/** Each watches a path until `leave` aborts, and leaves without a message if its protocol has none. @returns bytes of media that came */
export type Viewer = (agent: Agent, path: string, leave: AbortSignal) => Promise<number>;

const left = (leave: AbortSignal): Promise<void> => delay(2 ** 30, undefined, { signal: leave }).catch(() => {});

const rtsp: Viewer = async (agent, path, leave) => {
  const socket = await pull(agent.rtspUrl(path));
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  socket.on('error', () => {});
  await left(leave);
  socket.destroy();
  return bytes;
};

const mse: Viewer = async (agent, path, leave) => {
  const socket = new WebSocket(`ws://127.0.0.1:${agent.ports.hls}/${path}/mse`);
  socket.binaryType = 'arraybuffer';
  let bytes = 0;
  socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
    bytes += typeof data === 'string' ? 0 : data.byteLength;
  });
  socket.addEventListener('error', () => {});
  await left(leave);
  socket.close();
  return bytes;
};

/** A player that loads the playlist once a second, and what is new in it. */
const hls: Viewer = async (agent, path, leave) => {
  const base = `http://127.0.0.1:${agent.ports.hls}/${path}/`;
  const text = async (name: string) => (await fetch(new URL(name, base), { signal: leave })).text();
  const known = new Set<string>();
  let bytes = 0;
  try {
    const media = /^video1\S+/m.exec(await text('index.m3u8'))?.[0] ?? '';
    while (!leave.aborted) {
      for (const [, name = ''] of (await text(media)).matchAll(/^([^#\n]\S*)$/gm)) {
        if (!known.has(name)) {
          known.add(name);
          const answer = await fetch(new URL(name, base), { signal: leave });
          bytes += (await answer.arrayBuffer()).byteLength;
        }
      }
      await delay(1_000, undefined, { signal: leave });
    }
  } catch (error) {
    if (!leave.aborted) {
      throw error;
    }
  }
  return bytes;
};

/** A process of its own, as its own loop must not wait for ours; it ends without telling. */
const webrtc: Viewer = async (agent, path, leave) => {
  const script = join(import.meta.dirname, '../../bench/webrtc/light-viewers.ts');
  const flags = ['--disable-warning=ExperimentalWarning'];
  const url = `http://127.0.0.1:${agent.ports.webrtc}/${path}/whep`;
  const running = startProcess(process.execPath, [...flags, script, url, '0']);
  running.child.stdin.write('open 1\n');
  await left(leave);
  running.child.stdin.write('tell\n');
  const packets = await Promise.race([
    running.waitFor(/\[\d[\d.]*,\d[\d.]*,(\d+)\]/).then(([, count]) => Number(count)),
    delay(5_000, 0),
  ]).catch(() => 0);
  await running.stop('SIGKILL');
  return packets;
};

export const VIEWERS: Readonly<Record<string, Viewer>> = { rtsp, mse, hls, webrtc };
