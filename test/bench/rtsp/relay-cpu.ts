import { join } from 'node:path';
import { startAgent } from '../../peers/agent/agent.ts';
import type { RunningProcess } from '../../peers/programs/process.ts';
import { CAMERAS, cameraUrls, SETTLE_SECONDS, seconds, startCameras } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { received, startReaders } from '../measure/readers.ts';
import { startScript } from '../measure/script.ts';

const RUNS = 3;
const READERS = 4;
const MEASURED_SECONDS = 30;
/** Least amount that a reader of a camera of 4 Mbit/s gets. */
const MIN_BYTES = (MEASURED_SECONDS * 3_000_000) / 8;

/** Every reader has received all requested media. */
function check(name: string, before: readonly number[], after: readonly number[]): void {
  const least = Math.min(...after.map((bytes, i) => bytes - (before[i] ?? 0)));
  if (after.length !== CAMERAS * READERS || !(least >= MIN_BYTES)) {
    throw new Error(`a reader of ${name} got only ${least} bytes in ${MEASURED_SECONDS} s`);
  }
}

async function oneRun(note: (text: string) => void): Promise<number> {
  await using cameras = await startCameras(180);
  const urls = cameraUrls(cameras);
  const paths = urls.map((url, i) => `  cam${i + 1}: { source: '${url}' }`);
  await using agent = await startAgent({ config: ['api: yes', 'paths:', ...paths, ''].join('\n') });
  const relay = startScript(join(import.meta.dirname, 'bare-relay.ts'), urls);
  const started: RunningProcess[] = [relay];
  try {
    const [, ports = ''] = await relay.waitFor(/ready (.*)/);
    await agent.process.waitFor(new RegExp(`(camera connected[^]*){${CAMERAS}}`));
    const ours = await startReaders(
      urls.map((_, i) => `rtsp://127.0.0.1:${agent.ports.rtsp}/cam${i + 1}`),
      READERS,
    );
    started.push(ours);
    const theirs = await startReaders(ports.split(' '), READERS);
    started.push(theirs);
    await seconds(SETTLE_SECONDS);
    const [oursBefore, theirsBefore] = [await received(ours), await received(theirs)];
    const [agentCpu, relayCpu] = [cpuSeconds(agent.process.pid), cpuSeconds(relay.pid)];
    await seconds(MEASURED_SECONDS);
    const agentUsed = cpuSeconds(agent.process.pid) - agentCpu;
    const relayUsed = cpuSeconds(relay.pid) - relayCpu;
    check('Perch', oursBefore, await received(ours));
    check('the bare relay', theirsBefore, await received(theirs));
    note(`Perch ${agentUsed.toFixed(2)} s, bare ${relayUsed.toFixed(2)} s of CPU in ${MEASURED_SECONDS} s`);
    return agentUsed / relayUsed;
  } finally {
    await Promise.all(started.map((one) => one.stop('SIGKILL')));
  }
}

export const relayCpu: Figure = {
  name: 'relay-cpu',
  unit: '× bare',
  goal: 1.6,
  isAbsolute: false,
  about: `CPU time of Perch relaying ${CAMERAS} cameras to ${READERS} RTSP/TCP readers each ÷ that of a process that forwards the bytes unparsed`,
  measure: async (note) => {
    const values: number[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      values.push(await oneRun(note));
    }
    return values;
  },
};
