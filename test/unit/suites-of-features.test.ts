import { globSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { featureNames, TESTED_WITH } from '../removal/run.ts';

/** What files of tests import of features, whose own folders go with them. */
const imported = globSync('{agent,webui,test}/**/*.{ts,tsx}', { exclude: ['**/dist/**'] })
  .filter((file) => /\.test\.tsx?$|^test\//.test(file))
  .flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].flatMap(([, path = '']) => {
      const [, feature] = /^\w+\/features\/([\w-]+)\//.exec(normalize(`${dirname(file)}/${path}`)) ?? [];
      return feature !== undefined && featureNames().includes(feature) ? [{ file, feature }] : [];
    }),
  );

test('a suite that needs the feature of another folder is named in TESTED_WITH of test/removal/run.ts', () => {
  expect(imported.length).toBeGreaterThan(100);
  const goesWith = ({ file, feature }: (typeof imported)[number]) =>
    file.includes(`/features/${feature}/`) || TESTED_WITH[feature]?.some((named) => file.startsWith(named));
  expect(imported.filter((one) => !goesWith(one))).toEqual([]);
});
