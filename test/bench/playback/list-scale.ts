import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runProcess } from '../../peers/programs/process.ts';
import type { Figure } from '../measure/figure.ts';
import { type LongHistory, makeLongHistory } from './long-history.ts';

const PATHS = 20;
const FILES_PER_PATH = 25_000;
const RUNS = 7;
const SCRIPT = join(import.meta.dirname, 'list-scale-run.ts');

interface Run {
  readonly ms: number;
  readonly count: number;
  readonly grownMb: number;
}

/** Half a million recordings are made once for all figures. */
let history: Promise<LongHistory> | undefined;

function longHistory(note: (text: string) => void): Promise<LongHistory> {
  if (!history) {
    note(`making ${PATHS * FILES_PER_PATH} recordings of ${PATHS} paths`);
    history = makeLongHistory(PATHS, FILES_PER_PATH);
    void history.then(({ folder }) => process.on('exit', () => rmSync(folder, { recursive: true, force: true })));
  }
  return history;
}

/** Each time in a fresh process: nothing is warm but the machine's own page cache. */
async function ask(what: string, entries: number, note: (text: string) => void): Promise<Run[]> {
  const { folder } = await longHistory(note);
  const runs: Run[] = [];
  for (let i = 0; i < RUNS; i += 1) {
    const { code, output } = await runProcess(process.execPath, [SCRIPT, folder, what]);
    const run = code === 0 ? (JSON.parse(output) as Run) : undefined;
    if (run?.count !== entries) {
      throw new Error(`asked for ${what}, expected ${entries} entries: ${output}`);
    }
    runs.push(run);
  }
  return runs;
}

const figure = (name: string, goal: number, about: string, what: string, entries: number): Figure => ({
  name,
  unit: 'ms',
  goal,
  isAbsolute: true,
  about: `${about}, with 500,000 recordings, first request after a start`,
  measure: async (note) => (await ask(what, entries, note)).map(({ ms }) => ms),
});

export const listScaleDay = figure('list-scale-day', 50, '/list of one path for a day', 'day', 15);
export const listScaleAll = figure('list-scale-all', 300, '/list of one path, 2,500 entries', 'all', 2_500);
export const listScaleTimeline = figure('list-scale-timeline', 50, 'timeline of a month', 'timeline', 1);

export const listScaleMemory: Figure = {
  name: 'list-scale-memory',
  unit: 'MB',
  goal: 20,
  isAbsolute: false,
  about: 'growth of the process by opening the index and listing 2,500 entries',
  measure: async (note) => (await ask('all', 2_500, note)).map(({ grownMb }) => grownMb),
};
