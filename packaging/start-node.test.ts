import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** start.mjs in an installed clone. @param node the pinned Node; none: npm has none for this platform */
function start(node?: string) {
  const root = mkdtempSync(join(tmpdir(), 'perch-start-node-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const name of ['start.mjs', 'package.json', 'package-lock.json']) {
    copyFileSync(join(ROOT, name), join(root, name));
  }
  const bin = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
  mkdirSync(bin, { recursive: true });
  const lock = readFileSync(join(root, 'package-lock.json'));
  const digest = createHash('sha256').update('package-lock.json\0').update(lock).update('\0').digest('hex');
  writeFileSync(join(root, 'node_modules/.perch-lock'), digest);
  if (node !== undefined) {
    writeFileSync(join(bin, 'node'), `#!/bin/sh\n${node}\n`);
    chmodSync(join(bin, 'node'), 0o755);
  }
  // As Node 20, which runs no TypeScript.
  const old = "data:text/javascript,Object.defineProperty(process.features, 'typescript', { value: false })";
  const words = ['--import', old, join(root, 'start.mjs'), 'test.ts'];
  const { stderr, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  return { lines: stderr.trim().split('\n'), status };
}
const LACKS = "cannot run Perch's TypeScript.";
const INSTALL = 'Node 24 or newer (Perch needs';

test.for([
  [
    'that lacks a library',
    'echo "node: error while loading shared libraries: libatomic.so.1: cannot open shared object file" >&2; exit 127',
    'its Node needs the library libatomic.so.1 (apt install libatomic1, dnf install libatomic)',
    'Install the library, or ',
  ],
  [
    'that does not start',
    'echo "Illegal instruction" >&2; exit 132',
    'its Node does not start (Illegal instruction)',
    'Install ',
  ],
  [
    'that npm does not have',
    undefined,
    `there is no ready-made Node for ${process.platform} on ${process.arch}`,
    'Install ',
  ],
] as const)('a pinned Node %s is named with what to install', ([, node, problem, install]) => {
  const { lines, status } = start(node);
  expect(status).toBe(1);
  expect(lines).toEqual([
    `Perch: ${problem}, and Node ${process.versions.node} ${LACKS}`,
    expect.stringMatching(new RegExp(`^${install}${INSTALL.replace('(', '\\(')}`)),
  ]);
});
