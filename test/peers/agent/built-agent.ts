import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAgent } from '../../../packaging/bundle.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FOLDER = join(ROOT, 'node_modules/.cache/built-agent');
const KEPT_MS = 24 * 3_600_000;

/**
 * The shipped bundle, for suites that start the agent a few hundred times: from its sources each start takes nearly a second of CPU
 * time, from the bundle half of that. Built from the current sources; an unchanged bundle stays.
 */
export async function setup(): Promise<void> {
  // Once for all projects.
  process.env['BUILT_AGENT'] ??= keep(await bundleAgent());
}

/** @returns the script to start */
function keep(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256');
  for (const [name, bytes] of files) {
    hash.update(name).update('\0').update(bytes);
  }
  const folder = join(FOLDER, hash.digest('hex').slice(0, 16));
  const fresh = `${folder}-${process.pid}`;
  mkdirSync(join(fresh, 'agent'), { recursive: true });
  for (const [name, bytes] of files) {
    writeFileSync(join(fresh, 'agent', name), bytes);
  }
  // The bundle expects the page here.
  symlinkSync(join(ROOT, 'webui'), join(fresh, 'webui'));
  try {
    renameSync(fresh, folder);
  } catch {
    // It exists.
    rmSync(fresh, { recursive: true });
  }
  for (const name of readdirSync(FOLDER)) {
    const old = join(FOLDER, name);
    if (Date.now() - statSync(old).mtimeMs > KEPT_MS && old !== folder) {
      rmSync(old, { recursive: true, force: true });
    }
  }
  return join(folder, 'agent/perch.cjs');
}
