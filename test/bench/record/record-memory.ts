import { recordingHasBegun, seconds, startCameras, startRecording } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { pssMegabytes } from '../measure/proc.ts';

/** Both figures come from one run: ten minutes are not waited for twice. */
let run: Promise<{ first: number; later: number }> | undefined;

async function measureBoth(note: (text: string) => void): Promise<{ first: number; later: number }> {
  await using cameras = await startCameras(720);
  await using agent = await startRecording(cameras);
  await recordingHasBegun(agent);
  await seconds(60);
  const first = pssMegabytes(agent.process.pid);
  note(`${first.toFixed(1)} MB after 60 s; nine more minutes to go`);
  await seconds(540);
  const later = pssMegabytes(agent.process.pid);
  note(`${later.toFixed(1)} MB after 10 minutes`);
  return { first, later };
}

function both(note: (text: string) => void): Promise<{ first: number; later: number }> {
  run ??= measureBoth(note);
  return run;
}

export const recordMemory: Figure = {
  name: 'record-memory',
  unit: 'MB',
  goal: 150,
  isAbsolute: false,
  about: 'proportional set size of Perch recording 8 cameras, after 60 s',
  measure: async (note) => [(await both(note)).first],
};

export const recordMemoryGrowth: Figure = {
  name: 'record-memory-growth',
  unit: '×',
  goal: 1.1,
  isAbsolute: false,
  about: 'the same after 10 minutes ÷ after 60 s',
  measure: async (note) => {
    const { first, later } = await both(note);
    return [later / first];
  },
};
