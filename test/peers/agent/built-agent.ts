import { join } from 'node:path';
import { keepBundle } from '../../../packaging/keep-bundle.ts';

const FOLDER = join(import.meta.dirname, '../../../node_modules/.cache/built-agent');
const KEPT_MS = 24 * 3_600_000;

/**
 * The shipped bundle, for suites that start the agent a few hundred times: from its sources each start takes nearly a second of CPU
 * time, from the bundle half of that. Built from the current sources; an unchanged bundle is reused.
 */
export async function setup(): Promise<void> {
  // Once for all projects.
  process.env['BUILT_AGENT'] ??= join(await keepBundle(FOLDER, KEPT_MS), 'agent/perch.cjs');
}
