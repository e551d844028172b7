import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { startAgent, until } from '../../peers/agent/agent.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const RATE_HZ = 8_000;
const TONE_HZ = 440;

/** Energy of the tone over all others, in dB. */
function toneToNoise(pcm: Buffer): number {
  const count = Math.floor(pcm.length / 2);
  let [sine, cosine, energy] = [0, 0, 0];
  for (let i = 0; i < count; i += 1) {
    const value = pcm.readInt16LE(2 * i);
    const angle = (2 * Math.PI * TONE_HZ * i) / RATE_HZ;
    sine += value * Math.sin(angle);
    cosine += value * Math.cos(angle);
    energy += value * value;
  }
  const tone = (2 * (sine * sine + cosine * cosine)) / count;
  return 10 * Math.log10(tone / Math.max(1, energy - tone));
}

describeWith(['ffmpeg'], 'G.726 of ffmpeg', () => {
  test.for([
    ['G726-24', 'g726le', '24k', 18],
    ['G726-32', 'g726le', '32k', 22],
    // At this rate ffmpeg's encoder adapts its predictor by another factor than the recommendation.
    ['G726-40', 'g726le', '40k', 16],
    ['AAL2-G726-32', 'g726', '32k', 22],
  ] as const)('%s is a clean tone for readers of L16', async ([, codec, bitRate, minDb]) => {
    await using agent = await startAgent({ config: 'api: yes\npaths:\n  all_others:\n' });
    using folder = temporaryFolder();
    const tone = `sine=frequency=${TONE_HZ}:sample_rate=${RATE_HZ}`;
    const publisher = startProcess('ffmpeg', [
      ...['-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i', tone, '-c:a', codec, '-b:a', bitRate],
      ...['-f', 'rtsp', '-rtsp_transport', 'tcp', agent.rtspUrl('tone')],
    ]);
    try {
      const path = await until(async () => {
        const found = await agent.json<PathStatus>('/v3/paths/get/tone').catch(() => undefined);
        return found?.ready ? found : undefined;
      });
      expect(path.tracks2).toMatchObject([{ codec: 'LPCM', codecProps: { sampleRate: RATE_HZ, bitDepth: 16 } }]);
      const file = join(folder.path, 'tone.wav');
      const read = [
        '-nostdin',
        '-v',
        'warning',
        '-rtsp_transport',
        'tcp',
        '-i',
        agent.rtspUrl('tone'),
        '-t',
        '2',
        file,
      ];
      expect(await runProcess('ffmpeg', read)).toEqual({ code: 0, output: '' });
      const wav = readFileSync(file);
      const pcm = wav.subarray(wav.indexOf('data') + 8);
      expect(pcm.length).toBeGreaterThan(2 * RATE_HZ);
      // The decoder adapts during the first tenth of a second.
      expect(toneToNoise(pcm.subarray(RATE_HZ))).toBeGreaterThan(minDb);
    } finally {
      await publisher.stop('SIGKILL');
    }
  });
});
