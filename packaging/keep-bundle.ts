import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bundleAgent } from './bundle.ts';

const ROOT = join(import.meta.dirname, '..');

/**
 * Builds the bundle into a folder of its own below `folder`: a running agent loads parts of an older one later. An unchanged bundle is reused.
 * @param keptMs older bundles are deleted after this time
 * @returns the bundle's folder
 */
export async function keepBundle(folder: string, keptMs: number): Promise<string> {
  const files = await bundleAgent();
  const hash = createHash('sha256');
  for (const [name, bytes] of files) {
    hash.update(name).update('\0').update(bytes);
  }
  const kept = join(folder, hash.digest('hex').slice(0, 16));
  const fresh = `${kept}-${process.pid}`;
  mkdirSync(join(fresh, 'agent'), { recursive: true });
  for (const [name, bytes] of files) {
    writeFileSync(join(fresh, 'agent', name), bytes);
  }
  // The bundle expects the page here.
  symlinkSync(join(ROOT, 'webui'), join(fresh, 'webui'));
  try {
    renameSync(fresh, kept);
  } catch {
    // It exists. A power cut may have emptied its files.
    mkdirSync(join(kept, 'agent'), { recursive: true });
    for (const name of files.keys()) {
      renameSync(join(fresh, 'agent', name), join(kept, 'agent', name));
    }
    rmSync(fresh, { recursive: true });
  }
  for (const name of readdirSync(folder)) {
    const old = join(folder, name);
    const { mtimeMs } = lstatSync(old, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (old !== kept && name !== CURRENT && Date.now() - mtimeMs > keptMs) {
      rmSync(old, { recursive: true, force: true });
    }
  }
  return kept;
}

/** A link to the newest bundle. */
const CURRENT = 'current';

/** Builds the bundle that `start.sh` runs. */
async function main(folder: string, keptHours: number): Promise<void> {
  const current = join(folder, CURRENT);
  if (existsSync(current)) {
    // Perch may run from it: its time begins with its replacement.
    utimesSync(current, new Date(), new Date());
  }
  const kept = await keepBundle(folder, keptHours * 3_600_000);
  const link = join(folder, `${CURRENT}-${process.pid}`);
  symlinkSync(kept, link);
  renameSync(link, current);
}

const [folder, keptHours] = process.argv.slice(2);
if (import.meta.main && folder !== undefined) {
  await main(folder, Number(keptHours));
}
