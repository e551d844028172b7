import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { cameraClip, playClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { seconds } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { holdProcess, type Limits } from '../measure/held.ts';
import { cpuSeconds, pssMegabytes } from '../measure/proc.ts';
import { startLightViewers } from '../webrtc/start-light-viewers.ts';

const CAMERAS = [1, 4, 8, 16];
const VIEWERS = 4;
const SETTLE_SECONDS = 20;
const MEASURED_SECONDS = 20;
/** A small board. */
const SMALL: Limits = { cores: 0.2, megabytes: 256 };

interface Load {
  /** CPU load, in percent of a core. */
  readonly percent: number;
  readonly megabytes: number;
  /** Megabytes written to the disk. */
  readonly megabytesPerSecond: number;
}

const writtenBytes = (agent: Agent): number =>
  Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${agent.process.pid}/io`, 'utf8'))?.[1]);

async function loadOf(agent: Agent): Promise<Load> {
  const { pid } = agent.process;
  const [cpu, bytes, startMs] = [cpuSeconds(pid), writtenBytes(agent), performance.now()];
  await seconds(MEASURED_SECONDS);
  const passed = (performance.now() - startMs) / 1000;
  return {
    percent: (100 * (cpuSeconds(pid) - cpu)) / passed,
    megabytes: pssMegabytes(pid),
    megabytesPerSecond: (writtenBytes(agent) - bytes) / passed / 1e6,
  };
}

const shown = ({ percent, megabytes, megabytesPerSecond }: Load): string =>
  `${percent.toFixed(1)} % of a core, ${megabytes.toFixed(0)} MB, ${megabytesPerSecond.toFixed(1)} MB/s to the disk`;

const readyCount = async (agent: Agent): Promise<number> => {
  const { items } = await agent.json<{ items: { ready: boolean }[] }>('/v3/paths/list');
  return items.filter(({ ready }) => ready).length;
};

/** @param limits undefined: the whole machine @returns the load with viewers */
async function measureCameras(count: number, note: (text: string) => void, limits?: Limits): Promise<number> {
  const names = Array.from({ length: count }, (_, i) => `cam${i + 1}`);
  const file = await cameraClip(180, 2);
  await using cameras = await startGstCamera(Object.fromEntries(names.map((name) => [`/${name}`, playClip(file)])));
  const paths = names.map((name) => `  ${name}: { source: '${cameras.url(`/${name}`)}' }`);
  const config = ['api: yes', 'pathDefaults: { record: yes }', 'paths:', ...paths, ''].join('\n');
  await using agent = await startAgent({ config });
  using held = limits && holdProcess(agent.process.pid, limits);
  if (limits && !held) {
    note('control groups cannot be used here: the small board is left out');
    return Number.NaN;
  }
  await until(async () => (await readyCount(agent)) === count || undefined);
  await seconds(SETTLE_SECONDS);
  const where = limits ? `held to ${limits.cores} core and ${limits.megabytes} MB: ` : '';
  note(`${where}${count} recorded: ${shown(await loadOf(agent))}`);
  await using stack = new AsyncDisposableStack();
  await Promise.all(
    names.slice(0, VIEWERS).map((name) => {
      const viewers = stack.use(startLightViewers(`http://127.0.0.1:${agent.ports.webrtc}/${name}/whep`));
      return viewers.ask(`open ${Math.ceil(VIEWERS / Math.min(VIEWERS, count))}`);
    }),
  );
  await seconds(SETTLE_SECONDS);
  const load = await loadOf(agent);
  note(`${where}${count} recorded, ${VIEWERS} WebRTC viewers: ${shown(load)}; ${await readyCount(agent)} ready`);
  return load.percent;
}

export const capacity: Figure = {
  name: 'capacity',
  unit: '% of a core',
  goal: 10,
  isAbsolute: true,
  about: `the CPU of ${CAMERAS.at(-1)} cameras of 1080p25 and 4 Mbit/s that are recorded, with ${VIEWERS} WebRTC viewers; the notes give the table of docs/performance.md`,
  measure: async (note) => {
    note(`${cpus().length} × ${cpus()[0]?.model}`);
    let percent = Number.NaN;
    for (const count of CAMERAS) {
      percent = await measureCameras(count, note);
    }
    for (const count of [4, 8]) {
      await measureCameras(count, note, SMALL);
    }
    return [percent];
  },
};
