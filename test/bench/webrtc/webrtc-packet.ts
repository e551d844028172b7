import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { startClipCamera } from '../cameras/clip-cameras.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { startLightViewers } from './start-light-viewers.ts';
import { PAYLOAD_BYTES, SENT_CLIP } from './webrtc-server.ts';

const ROUNDS = 3;
const VIEWERS = 20;
const IDLE_SECONDS = 8;
const SETTLE_SECONDS = 4;
const MEASURED_SECONDS = 12;

async function cpuShare(agent: Agent, durationSeconds: number): Promise<number> {
  const before = cpuSeconds(agent.process.pid);
  const startMs = performance.now();
  await seconds(durationSeconds);
  return (cpuSeconds(agent.process.pid) - before) / ((performance.now() - startMs) / 1000);
}

const sessions = async (agent: Agent): Promise<number> =>
  (await agent.json<{ itemCount: number }>('/v3/webrtcsessions/list')).itemCount;

async function endSessions(agent: Agent): Promise<void> {
  const { items } = await agent.json<{ items: { id: string }[] }>('/v3/webrtcsessions/list');
  for (const { id } of items) {
    await fetch(`${agent.url}/v3/webrtcsessions/kick/${id}`, { method: 'POST', headers: agent.headers });
  }
}

/** @returns CPU time in µs for each packet, less the CPU time without viewers */
async function perPacket(agent: Agent): Promise<number> {
  await until(async () => (await sessions(agent)) === 0 || undefined);
  const idle = await cpuShare(agent, IDLE_SECONDS);
  const url = `http://127.0.0.1:${agent.ports.webrtc}/cam/whep`;
  await using viewers = startLightViewers(url);
  try {
    await viewers.ask(`open ${VIEWERS}`);
    await seconds(SETTLE_SECONDS);
    await viewers.ask('begin');
    const startMs = performance.now();
    const busy = await cpuShare(agent, MEASURED_SECONDS);
    const seen = await viewers.tell();
    const passed = (performance.now() - startMs) / 1000;
    const packets = seen.flatMap(({ pictures }) => pictures).reduce((sum, [, , count]) => sum + count, 0);
    const expected = ((SENT_CLIP.kilobitsPerSecond * 1000) / 8 / PAYLOAD_BYTES) * passed * VIEWERS;
    if (packets < 0.7 * expected) {
      throw new Error(`${VIEWERS} viewers got only ${packets} packets in ${passed.toFixed(0)} s`);
    }
    return ((busy - idle) * passed * 1e6) / packets;
  } finally {
    await endSessions(agent);
  }
}

async function measureAll(note: (text: string) => void): Promise<number[]> {
  await using camera = await startClipCamera(SENT_CLIP, PAYLOAD_BYTES);
  const config = `api: yes\npaths:\n  cam: { source: '${camera.url}' }\n`;
  await using native = await startAgent({ config });
  await using plain = await startAgent({ config, env: { PERCH_NO_FFI: '1' } });
  for (const agent of [native, plain]) {
    await until(async () => (await agent.json<{ ready: boolean }>('/v3/paths/get/cam')).ready || undefined);
  }
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const without = await perPacket(plain);
    const value = await perPacket(native);
    note(`${value.toFixed(1)} µs; without native functions ${without.toFixed(1)} µs`);
    values.push(value);
  }
  return values;
}

export const webrtcPacket: Figure = {
  name: 'webrtc-packet',
  unit: 'µs',
  goal: 5,
  isAbsolute: true,
  isCpuTime: true,
  about: `CPU time per packet to ${VIEWERS} WebRTC viewers of a 4 Mbit/s camera, without the cost of receiving`,
  measure: measureAll,
};
