import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { reportUsageErrors, UsageError } from './usage-error.ts';

let said: string[];
const say = (text: string) => void said.push(text);
beforeEach(() => {
  said = [];
});
afterEach(() => {
  process.exitCode = undefined;
});

test('a rejection is printed without a stack, and the program fails', async () => {
  await reportUsageErrors('usage: this', () => Promise.reject(new UsageError('mips is no architecture')), say);
  expect(said).toEqual(['mips is no architecture']);
  expect(process.exitCode).toBe(1);
});

test('an unknown word on the command line is answered with the known ones', async () => {
  await reportUsageErrors('usage: this', async () => void parseArgs({ args: ['--wrong'], options: {} }), say);
  expect(said).toEqual([expect.stringContaining("'--wrong'"), 'usage: this']);
  expect(process.exitCode).toBe(1);
});

test('a missing program is named', async () => {
  await reportUsageErrors('usage: this', async () => void (await promisify(execFile)('no-such-program')), say);
  expect(said).toEqual(['the program no-such-program is not installed on this machine']);
});

test('any other failure keeps its stack', async () => {
  const error = new Error('a fault of the program');
  await expect(reportUsageErrors('usage: this', () => Promise.reject(error), say)).rejects.toBe(error);
  expect(said).toEqual([]);
});
