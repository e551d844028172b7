import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../../..');

/**
 * The shipped bundle, for suites that start the agent a few hundred times: from its sources each start takes nearly a second of CPU
 * time, from the bundle half of that. As for `npm start`, it is built when the sources have changed.
 */
export async function setup(): Promise<void> {
  if (process.env['BUILT_AGENT'] === undefined) {
    await promisify(execFile)(process.execPath, [join(ROOT, 'start.mjs'), '--prepare']);
    // Not the link: another bundle may replace it.
    process.env['BUILT_AGENT'] = join(realpathSync(join(ROOT, 'node_modules/.cache/agent/current')), 'agent/perch.cjs');
  }
}
