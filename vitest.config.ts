import { defineConfig } from 'vitest/config';

/** Three lengths of the same suites: short (npm test), long, system. PERCH_LENGTH says which. */
const length = process.env['PERCH_LENGTH'] ?? 'short';
const slow = length === 'short' ? 60_000 : 900_000;

/** Packages, machines and soak: their suites come with the packages. */
const system = {
  test: { name: 'system', include: ['test/system/**/*.test.ts'], testTimeout: slow },
};
if (length === 'system') {
  process.stdout.write('The system length (packages, machines, soak) has no suites yet.\n');
}

export default defineConfig({
  test: {
    reporters: ['default', './test/plain-summary.ts'],
    passWithNoTests: length === 'system',
    projects:
      length === 'system'
        ? [system]
        : [
            {
              test: {
                name: 'unit',
                include: [
                  'agent/**/*.test.ts',
                  'system/**/*.test.ts',
                  'webui/**/*.test.{ts,tsx}',
                  'test/unit/**/*.test.ts',
                  'test/fuzz/**/*.test.ts',
                ],
                testTimeout: 20_000,
              },
            },
            {
              test: {
                name: 'interop',
                include: ['test/interop/**/*.test.ts'],
                testTimeout: slow,
                hookTimeout: 120_000,
                fileParallelism: false,
              },
            },
            {
              test: {
                name: 'browser',
                include: ['test/browser/**/*.test.ts'],
                testTimeout: slow,
                hookTimeout: 120_000,
                fileParallelism: false,
              },
            },
          ],
  },
});
