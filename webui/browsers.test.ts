import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Features that some browsers of the last three years lack: the build lowers syntax, not calls. */
const TOO_NEW =
  /AbortSignal\.any\b|\b(?:Map|Object)\.groupBy\b|\bwithResolvers\b|\bPromise\.try\b|\bArray\.fromAsync\b|\bfromBase64\b|\btoBase64\b|\bIterator\.\w|\.(?:values|keys|entries)\(\)\s*\.(?:map|filter|take|drop|toArray|some|every|find|reduce|flatMap|forEach)\(|\.(?:isSubsetOf|isSupersetOf|isDisjointFrom|symmetricDifference)\(|\bRegExp\.escape\b|\bURL\.parse\b|\bMath\.sumPrecise\b/g;
const files = globSync('webui/**/*.{ts,tsx}', { exclude: ['webui/dist/**', '**/*.test.*', 'webui/build.ts'] });

test('the page uses no API that browsers of three years ago lack', () => {
  const found = files.flatMap((file) =>
    [
      ...readFileSync(file, 'utf8')
        .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
        .matchAll(TOO_NEW),
    ].map(([call]) => `${file}: ${call}`),
  );
  expect(files.length).toBeGreaterThan(200);
  expect(found).toEqual([]);
});
