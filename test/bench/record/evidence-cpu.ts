import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TableCache } from '../../../agent/playback/read/table-cache.ts';
import { signRecording } from '../../../agent/playback/signing/sign-recording.ts';
import { runProcess } from '../../peers/programs/process.ts';
import { WALL } from '../../support/disks/recordings.ts';
import { newSigningKey } from '../../support/disks/signed-recordings.ts';
import type { Figure } from '../measure/figure.ts';
import { recordHour } from '../playback/hour-recording.ts';

const RUNS = 5;
/** Maximum size of pictures other than key frames: small ones cost more for each byte. */
const MAX_BYTES = 8_000;
const CAMERAS = 8;

/** CPU time of this process, with the threads that read. */
async function ourSeconds(file: string): Promise<number> {
  const before = process.cpuUsage();
  const tabled = await new TableCache().of({ file });
  await signRecording(tabled, newSigningKey(), {
    ...{ path: 'cam', startUs: WALL * 1000 },
    nowUs: () => WALL * 1000,
    pace: async () => {},
  });
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** What a hash of the same bytes costs at least. */
async function opensslSeconds(file: string): Promise<number> {
  const { output } = await runProcess('bash', [
    '-c',
    'TIMEFORMAT="cpu %U %S"; time openssl dgst -sha256 "$1"',
    '-',
    file,
  ]);
  const [, user, system] = /cpu ([\d.]+) ([\d.]+)/.exec(output) ?? [];
  return Number(user) + Number(system);
}

export const evidenceCpu: Figure = {
  name: 'evidence-cpu',
  unit: '×',
  goal: 3,
  isAbsolute: false,
  about: 'CPU to sign an hour of a 1080p camera, over `openssl dgst -sha256` of the file',
  async measure(note) {
    const folder = mkdtempSync(join(tmpdir(), 'perch-evidence-'));
    try {
      const { file, sizeBytes, samples } = await recordHour(folder, 0, MAX_BYTES);
      note(`${(sizeBytes / 1e6).toFixed(0)} MB, ${samples} samples`);
      const ratios: number[] = [];
      for (let i = 0; i <= RUNS; i += 1) {
        const [ours, floor] = [await ourSeconds(file), await opensslSeconds(file)];
        const share = ((100 * ours) / 3_600) * CAMERAS;
        note(`${ours.toFixed(2)} s, openssl ${floor.toFixed(2)} s: ${CAMERAS} cameras ${share.toFixed(2)} % of a core`);
        // The first run compiles the code and fills the page cache.
        ratios.push(...(i === 0 ? [] : [ours / floor]));
      }
      return ratios;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
