import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { overwrite, undoInterrupted } from './in-place.ts';

const FORMER = 'hls: yes\npaths: {}\n';
const NEXT = 'hls: no # for the television\npaths: {}\n';

function place() {
  const folder = mkdtempSync(join(tmpdir(), 'perch-in-place-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [file, journal] = [join(folder, 'my.yml'), join(folder, 'data/my.yml.journal')];
  writeFileSync(file, FORMER, { mode: 0o640 });
  return { file, journal, read: () => readFileSync(file, 'utf8') };
}

test.for([
  ['longer', NEXT],
  ['shorter', 'a: b\n'],
] as const)('a %s text replaces the one in the file, and the journal ends', async ([, text]) => {
  const { file, journal, read } = place();
  await overwrite(file, text, journal);
  expect(read()).toBe(text);
  expect(existsSync(journal)).toBe(false);
});

const encoded = (text: string) => Buffer.from(text).toString('base64');
const HALF = NEXT.length / 2;

test.for([
  ['empty', '', true],
  ['the first half of the new text', NEXT.slice(0, HALF), true],
  ['the new text, then the former one', NEXT.slice(0, 8) + FORMER.slice(8), true],
  ['zeros, then the new text', '\0'.repeat(HALF) + NEXT.slice(HALF), true],
  ['the former text', FORMER, false],
  ['the new text', NEXT, false],
  ['what an editor has written since', 'hls: yes\npaths: { a: {} }\n', false],
] as const)('after a power cut, a file that is %s', async ([, text, isUndone]) => {
  const { file, journal, read } = place();
  await overwrite(file, NEXT, journal);
  writeFileSync(file, text);
  writeFileSync(journal, JSON.stringify({ former: encoded(FORMER), next: encoded(NEXT) }));
  expect(await undoInterrupted(file, journal)).toBe(isUndone);
  expect(read()).toBe(isUndone ? FORMER : text);
  expect(existsSync(journal)).toBe(false);
});

test('without a journal, or with a damaged one, the file stays', async () => {
  const { file, journal, read } = place();
  await overwrite(file, NEXT, journal);
  truncateSync(file, 3);
  expect(await undoInterrupted(file, journal)).toBe(false);
  writeFileSync(journal, '{"former":');
  expect(await undoInterrupted(file, journal)).toBe(false);
  expect(read()).toBe('hls');
});

test('a power cut at any byte of a write leaves the former text or the new one', async () => {
  const { file, journal, read } = place();
  const length = Math.max(FORMER.length, NEXT.length);
  for (let at = 0; at <= length; at += 1) {
    await overwrite(file, FORMER, journal);
    const part = NEXT.slice(0, at) + FORMER.slice(at);
    writeFileSync(file, part);
    writeFileSync(journal, JSON.stringify({ former: encoded(FORMER), next: encoded(NEXT) }));
    const isDone = part === NEXT;
    expect(await undoInterrupted(file, journal)).toBe(part !== FORMER && !isDone);
    expect(read()).toBe(isDone ? NEXT : FORMER);
  }
});

test('a write after an interrupted one undoes that first', async () => {
  const { file, journal, read } = place();
  await overwrite(file, FORMER, journal);
  writeFileSync(file, NEXT.slice(0, HALF));
  writeFileSync(journal, JSON.stringify({ former: encoded(FORMER), next: encoded(NEXT) }));
  await overwrite(file, 'a: b\n', journal);
  expect([read(), existsSync(journal)]).toEqual(['a: b\n', false]);
});
