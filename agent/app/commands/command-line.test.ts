import { expect, test } from 'vitest';
import { needsNoFile } from './command-line.ts';

test.for(['claim', 'reset-password', 'archive-key', 'signing-key'])('perch %s rejects a file by name', (command) => {
  expect(() => needsNoFile(command, 'my.yml')).toThrow(
    `perch ${command} takes no file: --data names the data folder, leave out 'my.yml'`,
  );
  expect(() => needsNoFile(command, undefined)).not.toThrow();
});

test.for(['check', 'reindex', 'my.yml', undefined])('%s may have a file', (command) => {
  expect(() => needsNoFile(command, 'my.yml')).not.toThrow();
});
