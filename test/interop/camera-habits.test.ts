import { globSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CASES, CODINGS, type HabitCase } from '../habits/cases.ts';
import { FPS, FRAME_MS, type HabitCamera, type HabitClip, habitCamera, habitClip } from '../habits/habit-camera.ts';
import { HabitReader, hashOf, type ReadPicture } from '../habits/habit-reader.ts';
import { type Agent, startAgent, until } from '../peers/agent.ts';
import { describeWith } from '../peers/peers.ts';
import { runProcess } from '../peers/process.ts';

const SECONDS = 9;
const PICTURES = SECONDS * FPS;
/** A busy machine sends late now and then. */
const WORST_MS = 200;
const QUIET_MS = 1_500;

interface Trial {
  readonly path: string;
  readonly clip: HabitClip;
  readonly camera: HabitCamera;
  read: readonly ReadPicture[];
}

/** Decode times in seconds of all pictures in the path's files, file by file. */
async function recorded(agent: Agent, path: string): Promise<number[][]> {
  const files = globSync(join(agent.dataDir, `recordings/${path}/*.mp4`)).toSorted();
  return Promise.all(
    files.map(async (file) => {
      const shown = ['-select_streams', 'v', '-show_entries', 'packet=dts_time', '-of', 'csv=p=0'];
      const { output } = await runProcess('ffprobe', ['-v', 'error', ...shown, file]);
      return output.trim().split('\n').map(Number);
    }),
  );
}

const rises = (times: readonly number[]) => times.every((time, i) => i === 0 || time > (times[i - 1] as number));

describeWith(['ffmpeg'], 'a camera that', () => {
  const trials = new Map<HabitCase, Trial>();
  let agent: Agent;
  beforeAll(async () => {
    for (const [i, one] of CASES.entries()) {
      const coding = one.coding ?? 'plain';
      const clip = await habitClip(coding, SECONDS, CODINGS[coding]);
      trials.set(one, { path: `camera${i}`, clip, camera: await habitCamera(clip, one), read: [] });
    }
    const paths = [...trials].map(([one, { path, camera }]) => {
      const rest = one.path === undefined ? '' : `, ${one.path}`;
      return `  ${path}: { source: 'rtsp://127.0.0.1:${camera.port}/live'${rest} }\n`;
    });
    const defaults = 'pathDefaults: { sourceOnDemand: yes, record: yes }\n';
    agent = await startAgent({ config: `api: yes\n${defaults}paths:\n${paths.join('')}` });
    const all = [...trials.values()];
    const readers = await Promise.all(all.map(({ path }) => HabitReader.open(agent.ports.rtsp, path)));
    await until(() => (all.every(({ camera }) => camera.sent >= PICTURES) ? true : undefined));
    // What is on its way arrives: nothing has come for a while.
    let count = 0;
    let sinceMs = 0;
    await until(() => {
      const now = readers.reduce((sum, reader) => sum + reader.pictures.length, 0);
      sinceMs = now === count ? sinceMs : performance.now();
      count = now;
      return performance.now() - sinceMs > QUIET_MS ? true : undefined;
    });
    for (const [i, trial] of all.entries()) {
      trial.read = readers[i]?.pictures ?? [];
      await readers[i]?.[Symbol.asyncDispose]();
    }
    await agent.process.stop('SIGINT');
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    for (const { camera } of trials.values()) {
      await camera[Symbol.asyncDispose]();
    }
  });

  test.for(CASES)('$name is read with rising times that follow arrival', async (one) => {
    const { read, clip } = trials.get(one) as Trial;
    const order = new Map(clip.pictures.map((nals, i) => [hashOf(nals), i]));
    const numbers = read.map(({ hash }) => order.get(hash) ?? Number.NaN);
    expect(numbers).not.toContain(Number.NaN);
    // A reader begins with the running group.
    const missing = (one.missing ?? 0) + (numbers[0] ?? PICTURES);
    expect(read.length).toBeGreaterThanOrEqual(PICTURES - missing - 2);
    if (one.coding !== 'B-frames') {
      expect(rises(read.map(({ ticks }) => ticks))).toBe(true);
      const offMs = read.map(
        ({ ticks }, i) => ticks / 90 - ((numbers[i] as number) - (numbers[0] as number)) * FRAME_MS,
      );
      expect(Math.max(...offMs.map(Math.abs))).toBeLessThan(one.worstMs ?? WORST_MS);
    }
  });

  test.for(CASES)('$name is recorded with rising times, and as long as it sent', async (one) => {
    const { path } = trials.get(one) as Trial;
    const files = await recorded(agent, path);
    expect(files.flat().length).toBeGreaterThanOrEqual(PICTURES - (one.missing ?? 0));
    expect(files.every(rises)).toBe(true);
    const spanMs = files.reduce((sum, times) => sum + 1000 * ((times.at(-1) ?? 0) - (times[0] ?? 0)) + FRAME_MS, 0);
    expect(Math.abs(spanMs - PICTURES * FRAME_MS)).toBeLessThan(
      (one.worstMs ?? WORST_MS) + FRAME_MS * (one.missing ?? 0),
    );
  });
});
