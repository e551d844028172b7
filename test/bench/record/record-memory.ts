import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addresses, freeAgentPorts } from '../../peers/agent/agent.ts';
import { recordingConfig, recordingHasBegun, seconds, startCameras } from '../cameras/eight-cameras.ts';
import { unpackServer } from '../device/shipped-server.ts';
import type { Figure } from '../measure/figure.ts';
import { meanPssMegabytes } from '../measure/proc.ts';

const MEASURED_SECONDS = 30;

/** Both figures come from one run of ten minutes. */
let run: Promise<{ first: number; later: number }> | undefined;

async function measureBoth(note: (text: string) => void): Promise<{ first: number; later: number }> {
  using box = await unpackServer();
  await using cameras = await startCameras(720);
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-record-'));
  const listeners = Object.entries(addresses(await freeAgentPorts()));
  const lines = listeners.map(([key, value]) => `${key}: '${value}'\n`);
  const running = box.start(dataDir, lines.join('') + recordingConfig(cameras));
  try {
    await recordingHasBegun({ dataDir });
    await seconds(60);
    const first = await meanPssMegabytes(running.pid, MEASURED_SECONDS);
    note(`${first.toFixed(1)} MB after 60 s; nine more minutes to go`);
    await seconds(510);
    const later = await meanPssMegabytes(running.pid, MEASURED_SECONDS);
    note(`${later.toFixed(1)} MB after 10 minutes`);
    return { first, later };
  } finally {
    await running.stop('SIGINT');
    rmSync(dataDir, { recursive: true });
  }
}

function both(note: (text: string) => void): Promise<{ first: number; later: number }> {
  run ??= measureBoth(note);
  return run;
}

export const recordMemory: Figure = {
  name: 'record-memory',
  unit: 'MB',
  goal: 78,
  isAbsolute: false,
  about: 'proportional set size of Perch as packaged, recording 8 cameras, after 60 s; mean of 30 s',
  measure: async (note) => [(await both(note)).first],
};

export const recordMemoryGrowth: Figure = {
  name: 'record-memory-growth',
  unit: '×',
  goal: 1.1,
  isAbsolute: false,
  about: 'the same after 10 minutes ÷ that after 60 s',
  measure: async (note) => {
    const { first, later } = await both(note);
    return [later / first];
  },
};
