import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CAMERAS, recordingHasBegun, seconds, startCameras, startRecording } from '../bench/cameras/eight-cameras.ts';
import { cpuSeconds } from '../bench/measure/proc.ts';
import { received, startReaders } from '../bench/measure/readers.ts';
import type { Agent } from '../peers/agent/agent.ts';
import { packetTimes } from '../peers/programs/ffmpeg.ts';
import { describeWith } from '../peers/programs/peers.ts';
import type { RunningProcess } from '../peers/programs/process.ts';
import { throttle } from '../peers/programs/throttle.ts';

const VIEWERS = 30;
const MEASURED_SECONDS = 10;
const THROTTLED_SECONDS = 40;
const FRAME_SECONDS = 1 / 25;

/** Bytes that viewers get in a second. */
async function viewerRate(readers: RunningProcess, forSeconds = MEASURED_SECONDS): Promise<number> {
  const sum = async (): Promise<number> => (await received(readers)).reduce((all, one) => all + one, 0);
  const before = await sum();
  await seconds(forSeconds);
  return ((await sum()) - before) / forSeconds;
}

/** How much of a processor it takes. */
async function coresOf({ process }: Agent): Promise<number> {
  const before = cpuSeconds(process.pid);
  await seconds(MEASURED_SECONDS);
  return (cpuSeconds(process.pid) - before) / MEASURED_SECONDS;
}

describeWith(['ffmpeg', 'gstreamer'], `${CAMERAS} cameras recorded, ${VIEWERS} viewers each`, () => {
  test('with time for the recordings and a third of the viewers, recordings are whole, viewers get key frames or less, and all again after it', async () => {
    await using cameras = await startCameras(240);
    await using agent = await startRecording(cameras);
    await recordingHasBegun(agent);
    const address = `rtsp://127.0.0.1:${agent.ports.rtsp}`;
    const targets = Array.from({ length: CAMERAS }, (_, i) => `${address}/cam${i + 1}`);
    await seconds(MEASURED_SECONDS);
    const recordingCores = await coresOf(agent);
    const readers = await startReaders(targets, VIEWERS);
    try {
      await seconds(MEASURED_SECONDS);
      const [fullRate, cores] = await Promise.all([viewerRate(readers), coresOf(agent)]);
      let throttledRate = Number.POSITIVE_INFINITY;
      {
        await using _ = throttle(agent.process.pid, recordingCores + (cores - recordingCores) / 3);
        await seconds(MEASURED_SECONDS);
        // All of the rest: an attempt to give them all pictures again lasts some seconds, and may fill half of a short time.
        throttledRate = await viewerRate(readers, THROTTLED_SECONDS - MEASURED_SECONDS);
      }
      expect(throttledRate).toBeLessThan(0.5 * fullRate);
      // It is tried more rarely each time that it was too early.
      await expect.poll(() => viewerRate(readers), { timeout: 150_000 }).toBeGreaterThan(0.5 * fullRate);
    } finally {
      await readers.stop('SIGKILL');
    }
    await agent.process.stop();
    expect(agent.process.output()).not.toMatch(/drops|lost|disk/);
    const files = globSync(join(agent.dataDir, 'recordings/**/*.mp4'));
    expect(files).toHaveLength(CAMERAS);
    for (const file of files) {
      const times = (await packetTimes(file, 'v')).map(({ pts }) => pts).sort((a, b) => a - b);
      const longest = times.slice(1).reduce((most, time, i) => Math.max(most, time - (times[i] ?? 0)), 0);
      expect.soft(longest, file).toBeLessThan(1.5 * FRAME_SECONDS);
      expect
        .soft((times.at(-1) ?? 0) - (times[0] ?? 0), file)
        .toBeGreaterThan(THROTTLED_SECONDS + 4 * MEASURED_SECONDS);
    }
  }, 400_000);
});
