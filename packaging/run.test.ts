import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const WORDS = ['--data', '/a b', 'perch.yml'];
const PROGRAM =
  'console.log(JSON.stringify([process.execArgv, process.argv.slice(2), process.env.UV_THREADPOOL_SIZE])); process.exitCode = 85;';

/** @param unknown flags that this Node refuses as any other that it does not know @returns what the program has been given */
function started(isOwn: boolean, unknown: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), 'perch-run-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ['agent', 'bin', 'node/bin']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, 'agent/perch.cjs'), PROGRAM);
  const refuses = unknown.map((flag) => `${flag}) exec ${process.execPath} --no-such-flag "$@" ;;`).join('\n');
  const node = join(root, isOwn ? 'node/bin/node' : 'bin/node');
  const script = `#!/bin/sh\nfor word; do\ncase "$word" in\n${refuses}\n-) ;;\nesac\ndone\nexec ${process.execPath} "$@"\n`;
  writeFileSync(node, script);
  chmodSync(node, 0o755);
  const source = readFileSync(join(import.meta.dirname, 'linux/run'), 'utf8');
  writeFileSync(join(root, 'run'), source.replaceAll('/usr/lib/perch', root));
  const env = { PATH: `${root}/bin:/usr/bin:/bin` };
  const { stdout, stderr, status } = spawnSync('sh', [join(root, 'run'), ...WORDS], { env, encoding: 'utf8' });
  return { given: stdout === '' ? undefined : JSON.parse(stdout), stderr, status };
}

const FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--optimize-for-size',
  '--min-semi-space-size=1',
  '--bytecode-old-age=2',
  '--flush-baseline-code',
];

test.for([true, false])("Perch starts with the flags that were chosen for it, Node being Perch's own: %s", (isOwn) => {
  expect(started(isOwn, [])).toEqual({ given: [FLAGS, WORDS, '12'], stderr: '', status: 85 });
});

test.for([
  [true, FLAGS[0]],
  [true, FLAGS[1]],
  [false, FLAGS[0]],
  [false, FLAGS[1]],
] as const)("a Node that lacks a flag starts Perch without it: Perch's own %s, %s", ([isOwn, flag]) => {
  expect(started(isOwn, [flag ?? ''])).toEqual({ given: [[], WORDS, '12'], stderr: '', status: 85 });
});
