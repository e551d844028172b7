import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BackupMembers } from '../../agent/app/device/backup-members.ts';
import { FEATURES } from '../../agent/app/features/table.ts';

const DOCUMENT = readFileSync('docs/design/features.md', 'utf8');
const rows = DOCUMENT.split('\n').filter((line) => line.startsWith('| `'));
const filesOf = (lines: readonly string[]): string[] =>
  lines.flatMap((line) =>
    [...(line.split('|')[1] ?? '').matchAll(/`([\w/-]+\.(?:json|jsonl|db|pem))`/g)].map(([, file = '']) => file),
  );

/** Files that the code names next to the data folder, or in a constant `…_FILE`. */
const named = new Set(
  globSync('agent/**/*.ts')
    .filter((file) => !file.endsWith('.test.ts'))
    .flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(
        /(?:dataDir|[Dd]ir), (?:'tls', )?'([\w-]+\.(?:json|jsonl|db))'|_FILE = '([\w-]+\.(?:json|jsonl|db|pem))'/g,
      ),
    ])
    .flatMap(([, one, other]) => one ?? other ?? []),
);

test('the table of the data folder has each file of the code', () => {
  const listed = new Set(filesOf(rows));
  expect(named.size).toBeGreaterThan(30);
  expect([...named].filter((file) => !listed.has(file))).toEqual([]);
});

test('it marks the files of backups', () => {
  const members = new BackupMembers(FEATURES.flatMap(({ backup }) => backup ?? []));
  const marked = filesOf(rows.filter((line) => line.endsWith('| B |')));
  expect(marked.sort()).toEqual([...members.names].filter((name) => name !== 'perch.yml').sort());
});
