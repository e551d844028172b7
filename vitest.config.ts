import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { memoryFolder } from './test/support/base/memory-folder.ts';
import { WaitingFirst } from './test/support/run/waiting-first.ts';

/** short (npm test, npm run test:full), long, system */
const LENGTH = process.env['PERCH_LENGTH'] ?? 'short';
const IS_SHORT = LENGTH === 'short';
const LIMITS = {
  testTimeout: IS_SHORT ? 60_000 : 900_000,
  hookTimeout: LENGTH === 'system' ? 900_000 : 120_000,
  expect: { poll: { timeout: IS_SHORT ? 45_000 : 120_000, interval: 20 } },
};

/** Tests start Perch a few hundred times: V8 keeps what it has compiled of it. */
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

const TMPDIR = memoryFolder();

/**
 * V8 for code that runs once: fewer collections of short-lived objects, and no compiler that takes longer than what it saves.
 * Unit tests take a fifth less processor time.
 */
const SHORT_LIVED_CODE = ['--max-semi-space-size=64', '--maglev-as-top-tier'];

const suites = (name: string, include: readonly string[], groupOrder: number, options: object = {}) => ({
  test: { name, include: [...include], sequence: { groupOrder }, ...LIMITS, ...options },
});

const NETWORKS = 'test/peers/host/left-networks.ts';
const BUILT = 'test/peers/agent/built-agent.ts';
const WITH_PEERS = {
  // Longer than Playwright and `until` wait, whose errors say for what.
  ...(IS_SHORT && { testTimeout: 180_000, expect: { poll: { timeout: 90_000, interval: 20 } } }),
  setupFiles: 'test/support/base/in-process-setup.ts',
  // The short length starts the agent from a bundle of the sources, the long length from the sources.
  globalSetup: IS_SHORT ? [NETWORKS, BUILT] : [NETWORKS],
  ...(!IS_SHORT && { fileParallelism: false }),
  env: { ...(LENGTH === 'long' && { PERCH_PAGE_BY: 'localhost' }) },
};
/**
 * Suites with other programs, side by side: a fixed number always, and more while the processors are idle (`spare-processor.ts`).
 * With files that share a worker's modules.
 */
const sideBySide = (always: number, more: number, env: Record<string, string> = {}) => ({
  ...WITH_PEERS,
  ...(IS_SHORT && {
    isolate: false,
    execArgv: SHORT_LIVED_CODE,
    maxWorkers: always + more,
    maxConcurrency: 8,
    setupFiles: [WITH_PEERS.setupFiles, 'test/support/run/spare-processor-setup.ts'],
  }),
  env: { ...WITH_PEERS.env, PERCH_TEST_WORKERS: `${always}`, PERCH_TEST_IDLE: '0.2', ...env },
});

/** Suites with the line `// @also NAME` run a second time in that project, those with `// @also NAME in long` in the long length. */
const also = (name: string): string[] => {
  const lines = [`// @also ${name}`, ...(IS_SHORT ? [] : [`// @also ${name} in long`])];
  const firstLine = (file: string): string => readFileSync(file, 'utf8').split('\n', 1)[0] ?? '';
  return globSync('{agent,test}/**/*.test.ts').filter((file) => lines.includes(firstLine(file)));
};

const PAGE = ['test/browser/page/**/*.test.ts', 'test/features/*/browser/*.test.ts', 'test/smoke/page-*.test.ts'];
const UNIT = ['{agent,system,packaging}/**/*.test.ts', 'webui/**/*.test.{ts,tsx}', 'test/{unit,fuzz}/**/*.test.ts'];
const projects = [
  // Files share a worker's modules: importing them once a worker instead of once a file saves minutes.
  suites('unit', UNIT, 0, {
    setupFiles: 'test/support/base/in-process-setup.ts',
    isolate: false,
    maxWorkers: 4,
    execArgv: SHORT_LIVED_CODE,
    ...(TMPDIR && { env: { TMPDIR } }),
  }),
  suites('smoke', ['test/smoke/*.test.ts'], 1, sideBySide(4, 3)),
  // These mostly wait: for pictures in real time, and for other programs to give up.
  suites('interop', ['test/interop/**/*.test.ts', 'test/features/*/interop/*.test.ts'], 2, sideBySide(5, 4)),
  // After the suites that change network interfaces: each change makes browsers abort their requests.
  suites('browser', ['test/browser/**/*.test.ts', 'test/features/*/browser/*.test.ts'], 3, sideBySide(4, 3)),
  // For systems whose Node has no node:ffi.
  suites('without-ffi', also('without-ffi'), 2, sideBySide(5, 4, { PERCH_NO_FFI: '1' })),
  suites('timing', ['test/timing/*.test.ts'], 4, {
    ...sideBySide(2, 2, { PERCH_TEST_IDLE: '0.5' }),
    isolate: true,
    execArgv: [],
  }),
  // A page by an address that browsers do not trust lacks some of their features (`visit` in page-visit.ts).
  ...(LENGTH === 'long'
    ? [
        suites('page-by-address', PAGE, 5, { ...WITH_PEERS, env: { PERCH_PAGE_BY: 'plain' } }),
        suites('removal', ['test/removal/*.test.ts'], 6),
      ]
    : []),
];
const system = suites('system', ['test/system/**/*.test.ts', 'test/features/*/system/*.test.ts'], 0, {
  globalSetup: [NETWORKS, BUILT],
  fileParallelism: false,
});

export default defineConfig({
  test: {
    sequence: { sequencer: WaitingFirst },
    reporters: ['default', './test/support/run/plain-summary.ts'],
    projects: LENGTH === 'system' ? [system] : projects,
  },
});
