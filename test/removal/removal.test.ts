import { expect, test } from 'vitest';
import { featureNames, isRemovable } from './run.ts';

test.for(featureNames())('without its folders and lines of %s the product compiles and passes the rest', (name) => {
  expect(isRemovable([name], false)).toBe(true);
});
