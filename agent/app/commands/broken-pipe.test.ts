import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';

const MAIN = join(import.meta.dirname, '../../main.ts');

/** Runs `perch … | head` in a shell, where the reader has ended before. @param redirect of its outputs */
function piped(words: readonly string[], redirect: string) {
  using folder = temporaryFolder();
  const [config, code, errors] = ['wrong.yml', 'code', 'errors'].map((name) => join(folder.path, name));
  writeFileSync(config ?? '', Array.from({ length: 200 }, (_, i) => `unknown${i}: yes\n`).join(''));
  writeFileSync(errors ?? '', '');
  const all = [process.execPath, '--disable-warning=ExperimentalWarning', MAIN, '--data', folder.path, ...words];
  const quoted = all.map((word) => `'${word === 'FILE' ? config : word}'`).join(' ');
  const script = `{ echo first; sleep 0.3; ${quoted} ${redirect.replace('ERRORS', errors ?? '')}; echo $? > '${code}'; } | head -1`;
  const { stdout, status } = spawnSync('sh', ['-c', script], { encoding: 'utf8', timeout: 60_000 });
  const read = (file = '') => readFileSync(file, 'utf8').trim();
  return { stdout, status, code: read(code), errors: read(errors) };
}

test.for([
  [['check', 'FILE'], '2> ERRORS'],
  [['explain', '-', 'read', 'cam', 'FILE'], '2> ERRORS'],
  [['--help'], '2> ERRORS'],
  [['--version'], '2> ERRORS'],
  [['explain'], '2>&1'],
] as const)('%s ends like a program with SIGPIPE, and says nothing, when its reader has ended', ([words, redirect]) => {
  expect(piped(words, redirect)).toEqual({ stdout: 'first\n', status: 0, code: '141', errors: '' });
});

test('an output that cannot be written is an error of one line', () => {
  const { code, errors } = piped(['check', 'FILE'], '> /dev/full 2> ERRORS');
  expect({ code, errors }).toEqual({
    code: '74',
    errors: expect.stringMatching(/^Perch: cannot write the output: .*no space left on device.*$/i),
  });
});
