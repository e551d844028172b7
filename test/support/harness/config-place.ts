import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../agent/base/clock.ts';
import { createLogger } from '../../../agent/base/log.ts';
import { ConfigStore } from '../../../agent/config/store/store.ts';
import { FakeClock } from '../base/fake-clock.ts';
import { KEYS } from './loaded-config.ts';

/** A working directory with a data folder, removed after the test. */
export interface Place {
  readonly cwd: string;
  readonly dataDir: string;
  readonly logged: { level: number; msg: string; problem?: string }[];
  open(file?: string, clock?: Clock, env?: Record<string, string>): Promise<ConfigStore>;
  write(name: string, text: string): string;
  read(name: string): string;
}

export function place(): Place {
  const cwd = mkdtempSync(join(tmpdir(), 'perch-config-'));
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  const dataDir = join(cwd, 'data');
  const logged: Place['logged'] = [];
  const log = createLogger('debug', (line) => logged.push(JSON.parse(line)));
  return {
    cwd,
    dataDir,
    logged,
    async open(file, clock = new FakeClock(), env = {}) {
      const place = { ...(file === undefined ? {} : { file }), cwd, dataDir, env };
      const store = await ConfigStore.open({ ...place, keys: KEYS, clock, log });
      onTestFinished(() => store.close());
      return store;
    },
    write(name, text) {
      const file = join(cwd, name);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    read: (name) => readFileSync(join(cwd, name), 'utf8'),
  };
}
