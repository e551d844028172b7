import { expect, test } from 'vitest';
import { releaseNotes } from './notes.ts';

const CHANGELOG = `# Changes

## 1.3.0 (not released)

### Added

- More.

## 1.2.0 (2026-12-24)

### Fixed

- A fault.

## 1.1.0 (2026-11-01)

- Old.
`;

test('the notes of a release are the section of its version', () => {
  expect(releaseNotes(CHANGELOG, '1.2.0', 'v1.2.0')).toBe('### Fixed\n\n- A fault.\n');
  expect(releaseNotes(CHANGELOG, '1.1.0', undefined)).toBe('- Old.\n');
});

test('a version without a date can be tried, but not released with a tag', () => {
  expect(releaseNotes(CHANGELOG, '1.3.0', undefined)).toBe('### Added\n\n- More.\n');
  expect(() => releaseNotes(CHANGELOG, '1.3.0', 'v1.3.0')).toThrow(
    'CHANGELOG.md has "not released" instead of a date such as 2026-12-24 for version 1.3.0',
  );
});

test('a tag of another version and a version without a section are rejected', () => {
  expect(() => releaseNotes(CHANGELOG, '1.2.0', 'v1.2.1')).toThrow(
    'the tag v1.2.1 is not of version 1.2.0 in package.json, whose tag is v1.2.0',
  );
  expect(() => releaseNotes(CHANGELOG, '2.0.0', undefined)).toThrow('CHANGELOG.md has no section "## 2.0.0 (DATE)"');
});
