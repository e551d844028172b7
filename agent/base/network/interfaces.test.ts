import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemInterfaces } from './interfaces.ts';

const ROOT = join(import.meta.dirname, '../../..');

test('a sandbox without netlink has no interfaces', () => {
  const read = () => {
    throw new Error('uv_interface_addresses returned Unknown system error 97');
  };
  expect(systemInterfaces(read)).toEqual({});
});

test('no other file of the agent asks Node, which throws there', () => {
  const files = readdirSync(join(ROOT, 'agent'), { recursive: true, encoding: 'utf8' });
  const asking = files
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'base/network/interfaces.ts')
    .filter((name) =>
      /\bnetworkInterfaces\b[^;]* from 'node:os'/.test(readFileSync(join(ROOT, 'agent', name), 'utf8')),
    );
  expect(asking).toEqual([]);
});
