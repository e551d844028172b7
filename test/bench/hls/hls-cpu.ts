import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { CAMERAS, cameraUrls, names, SETTLE_SECONDS, seconds, startCameras } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { startScript } from '../measure/script.ts';

const RUNS = 3;
const MEASURED_SECONDS = 30;
/** Where ffmpeg's files cost no disk. */
const MEMORY_DISK = '/dev/shm';

type Variant = 'fmp4' | 'lowLatency';

interface Run {
  readonly fmp4: number;
  readonly lowLatency: number;
}

function startHls(url: string, folder: string) {
  const format = [
    '-hls_time',
    '1',
    '-hls_segment_type',
    'fmp4',
    '-hls_list_size',
    '7',
    '-hls_flags',
    'delete_segments',
  ];
  const input = ['-v', 'error', '-rtsp_transport', 'tcp', '-i', url, '-c', 'copy'];
  // Names are relative to the folder of the playlist.
  return startProcess('ffmpeg', [...input, '-f', 'hls', ...format, '-y', join(folder, 'index.m3u8')]);
}

async function oneRun(note: (text: string) => void): Promise<Run> {
  await using cameras = await startCameras(240, 1);
  const fmp4 = await measure('fmp4', cameras, note);
  const lowLatency = await measure('lowLatency', cameras, note);
  return { fmp4, lowLatency };
}

/** CPU time of Perch with a player of each camera ÷ that of ffmpeg writing files of each, at the same time. */
async function measure(
  variant: Variant,
  cameras: Parameters<typeof cameraUrls>[0],
  note: (text: string) => void,
): Promise<number> {
  const paths = names.map((name, i) => `  ${name}: { source: '${cameraUrls(cameras)[i]}' }`);
  const settings = ['logLevel: warn', 'api: yes', `hlsVariant: ${variant}`, 'hlsSegmentDuration: 1s'];
  await using agent = await startAgent({ config: [...settings, 'paths:', ...paths, ''].join('\n') });
  const folder = mkdtempSync(join(MEMORY_DISK, 'perch-hls-cpu-'));
  const copies = cameraUrls(cameras).map((url, i) => {
    const own = mkdtempSync(join(folder, `${i}-`));
    return { own, process: startHls(url, own) };
  });
  await until(async () => {
    const { items } = await agent.json<{ items: { ready: boolean }[] }>('/v3/paths/list');
    return items.filter(({ ready }) => ready).length === CAMERAS || undefined;
  });
  const players = startScript(join(import.meta.dirname, 'hls-players.ts'), [String(agent.ports.hls), ...names]);
  try {
    await players.waitFor(/playing/);
    await until(() => copies.every(({ own }) => existsSync(join(own, 'index.m3u8'))) || undefined);
    await seconds(SETTLE_SECONDS);
    const ours = cpuSeconds(agent.process.pid);
    const theirs = copies.reduce((sum, copy) => sum + cpuSeconds(copy.process.pid), 0);
    await seconds(MEASURED_SECONDS);
    const oursUsed = cpuSeconds(agent.process.pid) - ours;
    const theirsUsed = copies.reduce((sum, copy) => sum + cpuSeconds(copy.process.pid), 0) - theirs;
    note(
      `${variant}: Perch ${oursUsed.toFixed(2)} s, ${CAMERAS} × ffmpeg ${theirsUsed.toFixed(2)} s of CPU in ${MEASURED_SECONDS} s`,
    );
    return oursUsed / theirsUsed;
  } finally {
    await players.stop('SIGKILL');
    await Promise.all(copies.map((copy) => copy.process.stop('SIGKILL')));
    rmSync(folder, { recursive: true });
  }
}

let runs: Promise<Run[]> | undefined;

async function measureAll(note: (text: string) => void): Promise<Run[]> {
  const all: Run[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    all.push(await oneRun(note));
  }
  return all;
}

const results = (note: (text: string) => void): Promise<Run[]> => {
  runs ??= measureAll(note);
  return runs;
};

export const hlsCpu: Figure = {
  name: 'hls-cpu',
  unit: '× ffmpeg',
  goal: 0.6,
  isAbsolute: false,
  about: `CPU time of Perch serving ${CAMERAS} cameras as HLS (fmp4, 1 s) to one player each ÷ that of ${CAMERAS} × ffmpeg -c copy -f hls into memory`,
  measure: async (note) => (await results(note)).map((run) => run.fmp4),
};

export const hlsCpuLowLatency: Figure = {
  name: 'hls-cpu-low-latency',
  unit: '× ffmpeg',
  goal: 1,
  isAbsolute: false,
  about: 'the same with low latency: five playlists and five parts a second per player',
  measure: async (note) => (await results(note)).map((run) => run.lowLatency),
};
