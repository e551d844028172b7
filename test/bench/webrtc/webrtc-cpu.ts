import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { until } from '../../peers/agent/agent.ts';
import { type Watching, watch } from '../../peers/browser/webrtc-viewer.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { startScript } from '../measure/script.ts';
import { PAYLOAD_BYTES, SENT_CLIP, startWebRtcServer } from './webrtc-server.ts';

const PAIRS = 5;
const VIEWERS = 10;
const IDLE_SECONDS = 10;
const MEASURED_SECONDS = 15;

interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  /** All viewers have left. */
  isAlone(): Promise<boolean>;
}

/** CPU time of a process in a while, in seconds. */
async function cpuIn(pid: number, passed: () => Promise<unknown>): Promise<number> {
  const before = cpuSeconds(pid);
  await passed();
  return cpuSeconds(pid) - before;
}

const received = async (all: readonly Watching[]): Promise<number[]> => {
  const reports = await Promise.all(all.map((one) => one.report()));
  return reports.map(({ video }) => Number(video['packetsReceived']));
};

/** @returns CPU time in µs for each received packet, less the CPU time without viewers */
async function perPacket(contender: Contender, page: Page, note: (text: string) => void): Promise<number> {
  const { name, pid, url, isAlone } = contender;
  await until(async () => (await isAlone()) || undefined);
  await seconds(1);
  const idle = (await cpuIn(pid, () => seconds(IDLE_SECONDS))) / IDLE_SECONDS;
  const all = await Promise.all(Array.from({ length: VIEWERS }, () => watch(page, { url, media: ['video'] })));
  await Promise.all(all.map((one) => one.shown(2 * SENT_CLIP.fps)));
  const before = await received(all);
  const startedMs = performance.now();
  const used = await cpuIn(pid, () => seconds(MEASURED_SECONDS));
  const passed = (performance.now() - startedMs) / 1000;
  const packets = (await received(all)).map((count, i) => count - (before[i] ?? 0));
  await Promise.all(all.map((one) => one.close()));
  const least = ((SENT_CLIP.kilobitsPerSecond * 1000) / 8 / PAYLOAD_BYTES) * MEASURED_SECONDS * 0.7;
  if (!(Math.min(...packets) > least)) {
    throw new Error(`a viewer got only ${Math.min(...packets)} packets in ${MEASURED_SECONDS} s`);
  }
  const value = ((used - idle * passed) * 1e6) / packets.reduce((sum, count) => sum + count, 0);
  const share = (cpu: number): string => `${(cpu * 100).toFixed(1)} %`;
  note(`${name}: ${value.toFixed(1)} µs a packet; ${share(used / passed)} of a core, without viewers ${share(idle)}`);
  return value;
}

async function measureAll(note: (text: string) => void): Promise<number[]> {
  await using box = await startWebRtcServer(SENT_CLIP, PAYLOAD_BYTES);
  const relay = startScript(join(import.meta.dirname, 'werift-relay.ts'), [box.camera.url]);
  try {
    const [, port] = await relay.waitFor(/ready (\d+)/);
    const ours: Contender = {
      ...{ name: 'Perch', pid: box.agent.process.pid, url: box.whepUrl },
      isAlone: async () => (await box.agent.json<{ itemCount: number }>('/v3/webrtcsessions/list')).itemCount === 0,
    };
    const theirs: Contender = {
      ...{ name: 'werift', pid: relay.pid, url: `http://127.0.0.1:${port}/` },
      isAlone: async () => {
        const before = relay.output().length;
        relay.child.stdin.write('\n');
        await until(() => relay.output().length > before || undefined);
        return relay.output().slice(before).startsWith('0 ');
      },
    };
    const ratios: number[] = [];
    for (let i = 0; i < PAIRS; i += 1) {
      // Each is first as often as last, as far as five allow.
      const order = i % 2 === 0 ? [ours, theirs] : [theirs, ours];
      const values = new Map<Contender, number>();
      for (const contender of order) {
        const page = await box.openPage();
        values.set(contender, await perPacket(contender, page, note));
        await page.close();
      }
      ratios.push((values.get(ours) ?? Number.NaN) / (values.get(theirs) ?? Number.NaN));
    }
    return ratios;
  } finally {
    await relay.stop('SIGKILL');
  }
}

export const webrtcCpu: Figure = {
  name: 'webrtc-cpu',
  unit: '× werift',
  goal: 0.25,
  isAbsolute: false,
  about: `CPU time of Perch per packet to ${VIEWERS} viewers in Chromium of a 4 Mbit/s camera ÷ that of werift's sendRtp, without the cost of receiving`,
  measure: measureAll,
};
