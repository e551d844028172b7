import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { toy } from '../../../test/support/toy-feature/feature.ts';
import { ALL_COMMANDS, runCommand } from './run-command.ts';

const COMMANDS = [
  ...ALL_COMMANDS,
  ...(toy.commands ?? []),
  ...(toy.commands ?? []).map((one) => ({ ...one, name: 'twin' })),
];

/** What a command line prints, and its exit code. */
async function perch(...args: string[]) {
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  onTestFinished(() => write.mockRestore());
  const done = await runCommand(args, COMMANDS, async () => KEYS).finally(() => write.mockRestore());
  return { done, text: printed.join('') };
}

test('the usage has every command, with what it does in its column', async () => {
  const { done, text } = await perch('--help');
  expect(done).toBe(0);
  for (const { name } of COMMANDS) {
    expect(text).toContain(`\n       perch ${name} `);
  }
  expect(text).toContain('\n       perch check FILE.yml             report problems in a configuration file\n');
  expect(text).toContain(
    `\n       perch explain USER ACTION PATH [--ip IP] [--data DIR] [FILE.yml]\n${' '.repeat(40)}explain`,
  );
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
});

test('the usage of one command is that command alone', async () => {
  const { text } = await perch('toy', '--help');
  expect(text).toMatch(/^usage: perch toy NAME \[--loud\] +greet a toy\n$/);
  await expect(perch('toy')).rejects.toThrow(/needs NAME\nusage: perch toy NAME \[--loud\] +greet a toy$/);
});

test('a command of a feature gets its words and options', async () => {
  expect(await perch('toy', 'bear', '--loud')).toEqual({ done: 0, text: 'hello bear!\n' });
  expect(await perch('--loud', 'toy', 'bear')).toEqual({ done: 0, text: 'hello bear!\n' });
});

test.for([
  [['toy'], 'perch toy needs NAME'],
  [['toy', 'bear', 'x.yml'], 'perch toy does not take x.yml'],
  [['claim', '--loud'], '--loud is for perch toy and perch twin'],
  [['explain', 'tom', 'read', 'door', '--link'], '--link is for perch claim'],
  [['--loud', 'x.yml'], '--loud is for perch toy and perch twin'],
  [['reindex', 'a.yml', 'b.yml'], 'perch reindex does not take b.yml'],
  [['reindex', 'missing.yml'], 'the configuration file missing.yml does not exist'],
  [['check'], 'perch check needs FILE.yml'],
  [['explain', 'tom'], 'perch explain needs USER and ACTION'],
  [['a.yml', 'b.yml'], 'more than one configuration file'],
  [['doctor'], 'perch doctor works only where Perch was installed as a package'],
  [['--typo'], "Unknown option '--typo': perch --help lists all options"],
  [['claim', '--data'], "Option '--data <value>' argument missing: perch --help lists all options"],
  [['chekc', '--data', 'x'], 'no command and no configuration file chekc: did you mean perch check?'],
  [['docter'], 'no command and no configuration file docter: did you mean perch doctor?'],
] as const)('%s: %s', async ([args, message]) => {
  await expect(perch(...args)).rejects.toThrow(message);
});

test('arguments that name no command are those of a start', async () => {
  expect((await perch('conf', '--data', 'folder')).done).toEqual({ data: 'folder', file: 'conf' });
  expect((await perch()).done).toEqual({ data: 'perch-data', file: undefined });
});

test('the configuration file of a start may follow a command', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-run-command-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'perch.yml');
  writeFileSync(file, 'perch: own\n');
  expect(await perch('check', file)).toEqual({ done: 0, text: `${file}: no problems found\n` });
  const { text } = await perch('reindex', '--data', join(folder, 'data'), file);
  expect(text).toMatch(/^0 recordings of 0 paths in /m);
  await expect(perch('reset-password', '--data', join(folder, 'none'), file)).rejects.toThrow('does not exist');
});
