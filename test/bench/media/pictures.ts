import { join } from 'node:path';
import { runProcess } from '../../peers/programs/process.ts';
import type { Figure } from '../measure/figure.ts';

const RUNS = 3;
const SCRIPT = join(import.meta.dirname, 'pictures-run.ts');

async function measure(encoder: string, what: 'ms' | 'mb', note: (text: string) => void): Promise<number[]> {
  const results: number[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    const { code, output } = await runProcess(process.execPath, [SCRIPT, encoder]);
    if (code !== 0) {
      throw new Error(output);
    }
    const { ms, mb, kilobytes } = JSON.parse(output) as { ms: number; mb: number; kilobytes: number };
    note(`${ms.toFixed(0)} ms, ${mb.toFixed(0)} MB, key frame of ${kilobytes.toFixed(0)} kB`);
    results.push(what === 'ms' ? ms : mb);
  }
  return results;
}

export const pictureCpu: Figure = {
  name: 'picture-cpu',
  unit: 'ms',
  goal: 400,
  isAbsolute: true,
  isCpuTime: true,
  about: 'CPU time of a JPEG of a 1080p key frame: H.264',
  measure: (note) => measure('libx264', 'ms', note),
};

export const pictureCpuH265: Figure = {
  name: 'picture-cpu-h265',
  unit: 'ms',
  goal: 400,
  isAbsolute: true,
  isCpuTime: true,
  about: 'CPU time of a JPEG of a 1080p key frame: H.265',
  measure: (note) => measure('libx265', 'ms', note),
};

export const pictureMemory: Figure = {
  name: 'picture-memory',
  unit: 'MB',
  goal: 120,
  isAbsolute: false,
  about: 'memory that making 1080p JPEGs adds, until 30 s after the last',
  measure: (note) => measure('libx265', 'mb', note),
};
