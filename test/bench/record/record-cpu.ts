import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../peers/agent/agent.ts';
import {
  CAMERAS,
  cameraUrls,
  hasFragment,
  recordingHasBegun,
  SETTLE_SECONDS,
  seconds,
  startCameras,
  startRecording,
} from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { cpuSeconds } from '../measure/proc.ts';
import { startCopy } from './fragmented-copy.ts';

const RUNS = 3;
const MEASURED_SECONDS = 30;

async function oneRun(note: (text: string) => void): Promise<number> {
  await using cameras = await startCameras(180);
  await using agent = await startRecording(cameras);
  const folder = mkdtempSync(join(tmpdir(), 'perch-ffmpeg-'));
  const copies = cameraUrls(cameras).map((url, i) => {
    const file = join(folder, `${i}.mp4`);
    return { file, process: startCopy(url, file) };
  });
  try {
    await recordingHasBegun(agent);
    await until(() => copies.every(({ file }) => existsSync(file) && hasFragment(file)) || undefined);
    await seconds(SETTLE_SECONDS);
    const ours = cpuSeconds(agent.process.pid);
    const theirs = copies.reduce((sum, copy) => sum + cpuSeconds(copy.process.pid), 0);
    await seconds(MEASURED_SECONDS);
    const oursUsed = cpuSeconds(agent.process.pid) - ours;
    const theirsUsed = copies.reduce((sum, copy) => sum + cpuSeconds(copy.process.pid), 0) - theirs;
    note(
      `Perch ${oursUsed.toFixed(2)} s, ${CAMERAS} × ffmpeg ${theirsUsed.toFixed(2)} s of CPU in ${MEASURED_SECONDS} s`,
    );
    return oursUsed / theirsUsed;
  } finally {
    await Promise.all(copies.map((copy) => copy.process.stop('SIGKILL')));
    rmSync(folder, { recursive: true });
  }
}

export const recordCpu: Figure = {
  name: 'record-cpu',
  unit: '× ffmpeg',
  goal: 0.45,
  isAbsolute: false,
  about: 'CPU time of Perch recording 8 cameras ÷ that of 8 × ffmpeg -c copy, same cameras at the same time',
  measure: async (note) => {
    const values: number[] = [];
    for (let i = 0; i < RUNS; i += 1) {
      values.push(await oneRun(note));
    }
    return values;
  },
};
