import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleAgent } from '../../../packaging/bundle.ts';

/** The files of the shipped bundle: those of `built-agent.ts` where it is built, since esbuild takes some seconds for it. */
export async function agentBundle(): Promise<ReadonlyMap<string, Uint8Array>> {
  const built = process.env['BUILT_AGENT'] ?? '';
  if (!built.endsWith('.cjs')) {
    return bundleAgent();
  }
  const folder = dirname(built);
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
}
