import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addresses, freeAgentPorts } from '../../peers/agent/agent.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { CAMERAS, recordingConfig, recordingHasBegun, seconds, startCameras } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { ownPssMegabytes, processTree, pssMegabytes } from '../measure/proc.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SETTLED_SECONDS = 60;

const nameOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim();

export const startMemory: Figure = {
  name: 'start-memory',
  unit: 'MB',
  goal: 120,
  isAbsolute: false,
  about: `proportional set size of all processes of npm start, npm's own among them, ${SETTLED_SECONDS} s after ${CAMERAS} cameras are recorded`,
  measure: async (note) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'perch-start-'));
    await using cameras = await startCameras(180);
    const file = join(dataDir, 'test.yml');
    const listeners = Object.entries(addresses(await freeAgentPorts()));
    const lines = listeners.map(([key, value]) => `${key}: '${value}'\n`);
    writeFileSync(file, lines.join('') + recordingConfig(cameras));
    const args = ['start', '--prefix', ROOT, '--', '--data', dataDir, file];
    // Variables of `npm run bench`, and certificates that this machine adds to Node.
    const env = { ...{ NODE_OPTIONS: '', NODE_EXTRA_CA_CERTS: '' }, UV_THREADPOOL_SIZE: undefined };
    const running = startProcess('npm', args, env);
    try {
      await recordingHasBegun({ dataDir });
      await seconds(SETTLED_SECONDS);
      for (const pid of processTree(running.pid)) {
        note(`${nameOf(pid)}: ${ownPssMegabytes(pid).toFixed(1)} MB`);
      }
      return [pssMegabytes(running.pid)];
    } finally {
      await running.stop('SIGINT');
      rmSync(dataDir, { recursive: true });
    }
  },
};
