import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../../..');
const FOLDER = join(ROOT, 'node_modules/.cache/built-agent');

/**
 * The shipped bundle, for suites that start the agent a few hundred times: from its sources each start takes nearly a second of CPU
 * time, from the bundle half of that. It is built when the sources have changed, but not where `npm start` has its own, from which a
 * running Perch restarts.
 */
export async function setup(): Promise<void> {
  if (process.env['BUILT_AGENT'] === undefined) {
    await promisify(execFile)(process.execPath, [join(ROOT, 'start.mjs'), '--prepare', FOLDER, '24']);
    // Not the link: another bundle may replace it.
    process.env['BUILT_AGENT'] = join(realpathSync(join(FOLDER, 'current')), 'agent/perch.cjs');
  }
}
