import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from '../../peers/programs/process.ts';
import { freePorts } from '../../support/base/free-port.ts';
import type { Figure } from '../measure/figure.ts';

const ROOT = join(import.meta.dirname, '../../..');
const RUNS = 7;
const KEYS = [
  'ADDRESS',
  'TLSADDRESS',
  'WEBRTCADDRESS',
  'WEBRTCLOCALUDPADDRESS',
  'WEBRTCLOCALTCPADDRESS',
  'HLSADDRESS',
  'PLAYBACKADDRESS',
  'APIADDRESS',
];

/** Starts with start.sh as `npm start` does, with a separate data folder that has been used before. */
async function oneStart(dataDir: string): Promise<number> {
  const ports = await freePorts(KEYS.length);
  const env = Object.fromEntries(KEYS.map((key, i) => [`PERCH_${key}`, `127.0.0.1:${ports[i]}`]));
  const startedMs = performance.now();
  const running = startProcess(join(ROOT, 'start.sh'), ['--data', dataDir], env);
  try {
    for (;;) {
      const answered = await fetch(`http://127.0.0.1:${ports[0]}/health`).then(
        (response) => response.ok,
        () => false,
      );
      if (answered) {
        return performance.now() - startedMs;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  } finally {
    await running.stop('SIGTERM');
  }
}

export const startTime: Figure = {
  name: 'start-time',
  unit: 'ms',
  goal: 1000,
  isAbsolute: true,
  about: 'time from the start of the process to the first answer of the main port, with warm caches',
  measure: async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'perch-start-'));
    try {
      await oneStart(dataDir);
      const values: number[] = [];
      for (let i = 0; i < RUNS; i += 1) {
        values.push(await oneStart(dataDir));
      }
      return values;
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
};
