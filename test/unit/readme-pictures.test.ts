import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { currentStamps, PICTURES, README_PICTURES, storedStamps } from '../screenshots/readme-stamps.ts';

const SHOWING = ['README.md', 'docs/guide/live.md'].map((file) => join(import.meta.dirname, '../..', file));

test('the pictures of README and the guide are as new as the views that they show: npm run screenshots -- readme', () => {
  expect(storedStamps(README_PICTURES)).toEqual(currentStamps());
});

test('README and the guide show each picture, and the moving one has at most 1.5 MB', () => {
  const text = SHOWING.map((file) => readFileSync(file, 'utf8')).join('\n');
  const shown = new Set([...text.matchAll(/pictures\/([\w-]+\.webp)/g)].map(([, name = '']) => name));
  expect([...shown].sort()).toEqual(PICTURES.map(({ file }) => file).sort());
  expect(statSync(join(README_PICTURES, 'tour.webp')).size).toBeLessThan(1_500_000);
});
