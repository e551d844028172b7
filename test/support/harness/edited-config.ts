import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { silentLogger } from '../../../agent/base/log.ts';
import { ApiEdits } from '../../../agent/config/edit/api-edits.ts';
import { ConfigStore } from '../../../agent/config/store/store.ts';
import { FakeClock } from '../base/fake-clock.ts';
import { KEYS } from './loaded-config.ts';

/** A configuration file of this text, and the API's edits of it. */
export async function fileOf(text: string, env: Record<string, string> = {}, keys = KEYS) {
  const cwd = mkdtempSync(join(tmpdir(), 'perch-edits-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const file = join(cwd, 'perch.yml');
  writeFileSync(file, text);
  const options = { cwd, dataDir: join(cwd, 'data'), env, keys, clock: new FakeClock(), log: silentLogger };
  const store = await ConfigStore.open(options);
  onTestFinished(() => store.close());
  const write = (next: string) => writeFileSync(file, next);
  return { store, edits: new ApiEdits(store, env), write, text: () => readFileSync(file, 'utf8') };
}
