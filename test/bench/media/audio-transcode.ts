import { join } from 'node:path';
import { runProcess } from '../../peers/programs/process.ts';
import type { Figure } from '../measure/figure.ts';

const RUNS = 3;
const SECONDS = 10;
const SCRIPT = join(import.meta.dirname, 'audio-transcode-run.ts');

/** Share of a core per stream: main loop, messages and worker together. */
async function measure(kind: 'g711' | 'aac' | 'opus', note: (text: string) => void): Promise<number[]> {
  const results: number[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    const { code, output } = await runProcess(process.execPath, [SCRIPT, kind, String(SECONDS)]);
    if (code !== 0) {
      throw new Error(output);
    }
    const { percent, made, expected } = JSON.parse(output) as { percent: number; made: number; expected: number };
    note(`${percent.toFixed(2)} % of a core for each stream, ${made} frames of ${expected}`);
    if (made < 0.9 * expected) {
      throw new Error(`${made} frames of ${expected} were made`);
    }
    results.push(percent);
  }
  return results;
}

export const audioTranscode: Figure = {
  name: 'audio-transcode',
  unit: '%',
  goal: 4,
  isAbsolute: true,
  about: 'share of a core per stream: AAC-LC (48 kHz stereo) to Opus, eight streams',
  measure: (note) => measure('aac', note),
};

export const audioTranscodeG711: Figure = {
  name: 'audio-transcode-g711',
  unit: '%',
  goal: 0.3,
  isAbsolute: true,
  about: 'share of a core per stream: G.711 to FLAC, for HLS and recordings, 32 streams',
  measure: (note) => measure('g711', note),
};

export const audioTranscodeFlac: Figure = {
  name: 'audio-transcode-flac',
  unit: '%',
  goal: 4,
  isAbsolute: true,
  about: 'share of a core per stream: Opus (48 kHz stereo) to FLAC, for players without Opus, eight streams',
  measure: (note) => measure('opus', note),
};
