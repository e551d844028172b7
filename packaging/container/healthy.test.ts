import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

/** @param report what Perch says of itself; undefined: it has not said anything yet @returns the requested address */
function asked(report: string | undefined): string {
  const root = mkdtempSync(join(tmpdir(), 'perch-healthy-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  if (report !== undefined) {
    writeFileSync(join(root, 'report'), report);
  }
  writeFileSync(join(root, 'wget'), '#!/bin/sh\nfor address; do :; done\necho "$address"\n');
  chmodSync(join(root, 'wget'), 0o755);
  const source = readFileSync(join(import.meta.dirname, 'healthy'), 'utf8').replaceAll('/tmp/perch/', `${root}/`);
  const env = { PATH: `${root}:/usr/bin:/bin` };
  return spawnSync('sh', ['-c', source], { env, encoding: 'utf8' }).stdout.trim();
}

test.for([
  ['nothing yet', undefined, 'http://127.0.0.1:8080/health'],
  ['its port', 'port 80\nok the clock is set\n', 'http://127.0.0.1:80/health'],
  ['its address', 'host 192.168.1.5\nport 80\n', 'http://192.168.1.5:80/health'],
  ['an IPv6 address', 'host fd00::5\nport 80\n', 'http://[fd00::5]:80/health'],
] as const)('Perch that reports %s is queried there', ([, report, address]) => {
  expect(asked(report)).toBe(address);
});
