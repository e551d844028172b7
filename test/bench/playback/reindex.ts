import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatRecordPath } from '../../../agent/record/file/record-path.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { record, WALL } from '../../support/disks/recordings.ts';
import { TEMPLATE } from '../../support/harness/playback.ts';
import type { Figure } from '../measure/figure.ts';

const PATHS = 4;
const FILES_PER_PATH = 2_500;
const RUNS = 3;
const MAIN = join(import.meta.dirname, '../../../agent/main.ts');

/** Finished recordings with everything that a recorder writes, under the names that it gives. */
async function makeFiles(folder: string): Promise<void> {
  const [clip = ''] = await record(join(folder, 'clip'), 10);
  for (let path = 0; path < PATHS; path += 1) {
    for (let i = 0; i < FILES_PER_PATH; i += 1) {
      const file = formatRecordPath(join(folder, 'recordings', TEMPLATE), `cam${path}`, WALL + i * 600_000);
      mkdirSync(dirname(file), { recursive: true });
      copyFileSync(clip, file);
    }
  }
}

export const reindexFigure: Figure = {
  name: 'reindex',
  unit: 's',
  goal: 30,
  isAbsolute: true,
  about: `perch reindex of ${PATHS * FILES_PER_PATH} recordings`,
  measure: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perch-reindex-'));
    try {
      await makeFiles(folder);
      const values: number[] = [];
      for (let i = 0; i < RUNS; i += 1) {
        const startedMs = performance.now();
        const { code, output } = await runProcess(process.execPath, [MAIN, 'reindex', '--data', folder]);
        values.push((performance.now() - startedMs) / 1000);
        if (code !== 0 || !output.includes('10,000 recordings of 4 paths')) {
          throw new Error(`reindex ended with ${code}: ${output}`);
        }
      }
      return values;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
