import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KnownTemplates } from './known-templates.ts';

function folderWith(text?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-templates-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'record-paths.json');
  if (text !== undefined) {
    writeFileSync(file, text);
  }
  return { folder, file };
}

const noFault = (error: unknown): never => {
  throw error;
};

test('a template stays known after the setting has changed, and after a restart', () => {
  const { folder, file } = folderWith();
  new KnownTemplates(file, noFault).with(['/old/%path/%s']);
  expect(new KnownTemplates(file, noFault).with(['/new/%path/%s'])).toEqual(['/new/%path/%s', '/old/%path/%s']);
  expect(readdirSync(folder)).toEqual(['record-paths.json']);
});

test.each(['["/old/%path/%s"', '{}', ''])('a file with "%s" is reported, and kept beside the next one', (text) => {
  const { folder, file } = folderWith(text);
  const faults: unknown[] = [];
  const known = new KnownTemplates(file, (error) => faults.push(error));
  expect(faults).toEqual([expect.any(SyntaxError)]);
  expect(known.with([]), 'nothing is written before there is a template').toEqual([]);
  expect(readdirSync(folder)).toEqual(['record-paths.json']);
  known.with(['/new/%path/%s']);
  expect(readFileSync(`${file}.damaged`, 'utf8')).toBe(text);
  known.with(['/newer/%path/%s']);
  expect(readFileSync(`${file}.damaged`, 'utf8')).toBe(text);
  expect(new KnownTemplates(file, noFault).with([])).toEqual(['/new/%path/%s', '/newer/%path/%s']);
  expect(faults).toHaveLength(1);
});
