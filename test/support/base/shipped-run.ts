import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const run = readFileSync(join(import.meta.dirname, '../../../packaging/linux/run'), 'utf8');

/** The arguments that the package's `run` passes to Node: flags, and settings of `malloc`. Empty where it can no longer be read from there. */
export const SHIPPED_FLAGS: readonly string[] = /^exec node (.*) \S+\.cjs /m.exec(run)?.[1]?.split(' ') ?? [];
export const SHIPPED_ENV: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from(run.matchAll(/(MALLOC_\w+)=(\d+)/g), ([, name = '', value = '']) => [name, value]),
);
