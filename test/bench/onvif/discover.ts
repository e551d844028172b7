import { join } from 'node:path';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { FoundCameras } from '../../../agent/onvif/discovery/found-cameras.ts';
import { startProcess } from '../../peers/programs/process.ts';
import type { Figure } from '../measure/figure.ts';

const CAMERAS = 64;
const RUNS = 5;

interface Look {
  readonly lastFoundMs: number;
  readonly cpuMs: number;
  readonly sockets: number;
}

/** One look of four seconds at 64 cameras that all answer at once. */
async function look(port: number): Promise<Look> {
  const found = new FoundCameras({ clock: systemClock, log: silentLogger, includeLoopback: true, only: ['lo'], port });
  const beganMs = performance.now();
  const cpuBefore = process.cpuUsage();
  let lastFoundMs = Number.POSITIVE_INFINITY;
  let count = 0;
  found.onFound(() => {
    count += 1;
    if (count === CAMERAS) {
      lastFoundMs = performance.now() - beganMs;
    }
  });
  const looking = found.scan();
  const sockets = process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length;
  await looking;
  const { user, system } = process.cpuUsage(cpuBefore);
  await found.close();
  return { lastFoundMs, cpuMs: (user + system) / 1000, sockets };
}

async function measure(pick: (look: Look) => number, note: (text: string) => void): Promise<number[]> {
  const cameras = startProcess(process.execPath, [join(import.meta.dirname, 'discover-cameras.ts'), String(CAMERAS)]);
  try {
    const [, port] = await cameras.waitFor(/ready on (\d+)/);
    await look(Number(port));
    const looks: Look[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      looks.push(await look(Number(port)));
    }
    note(`${looks[0]?.sockets} UDP sockets`);
    return looks.map(pick);
  } finally {
    await cameras.stop('SIGTERM');
  }
}

export const discover: Figure = {
  name: 'discover',
  unit: 'ms',
  goal: 5_000,
  isAbsolute: true,
  about: 'time until the last of 64 cameras, which answer at once, is found',
  measure: (note) => measure(({ lastFoundMs }) => lastFoundMs, note),
};

export const discoverCpu: Figure = {
  name: 'discover-cpu',
  unit: 'ms',
  goal: 100,
  isAbsolute: true,
  isCpuTime: true,
  about: 'CPU time of a search with 64 cameras: 384 answers to six probes',
  measure: (note) => measure(({ cpuMs }) => cpuMs, note),
};
