import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Three lengths of the same suites: short (npm test), long, system. PERCH_LENGTH says which. */
const length = process.env['PERCH_LENGTH'] ?? 'short';
const slow = length === 'short' ? 60_000 : 900_000;

/** Perch is started a few hundred times: what V8 has compiled of it is kept. */
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

/** What is waited for comes at once, or the test is to fail anyway: only a machine that is busy with something else needs so long. */
const PATIENT = { poll: { timeout: length === 'short' ? 45_000 : 120_000 } };

/**
 * Unit tests write their files to memory where there is room: no disk makes them late, and some have a clock that runs ahead of
 * any disk. Suites with other people's programs have the real disk.
 */
function inMemory(): { TMPDIR: string } | undefined {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize < 1e9) {
      return undefined;
    }
    const folder = mkdtempSync('/dev/shm/perch-tests-');
    // As a temporary folder is: some tests go on as somebody without rights.
    chmodSync(folder, 0o1777);
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    return { TMPDIR: folder };
  } catch {
    return undefined;
  }
}
const memory = inMemory();

/**
 * Suites with other people's programs mostly wait for pictures: in short form several go side by side, in the lengths that
 * the figures are for each has the machine to itself.
 */
const together = {
  ...(length === 'short' ? { maxWorkers: 3, maxConcurrency: 8 } : { fileParallelism: false }),
  sequence: { groupOrder: 1 },
};
/**
 * Their pictures, sounds and starts are compared to the millisecond, or every packet is counted. They wait three quarters of their time, so
 * in short form there are two at once, never the two that play most: `LONG` has them apart.
 */
const ALONE = [
  ...[
    'sync',
    'aac-sync',
    'impaired',
    'impaired-tcp',
    'rtsp-media',
    'rtsp-transports',
    'recorder-channels',
    'recorder-password',
    'camera-habits',
    'stray-restart',
  ].map((name) => `test/interop/${name}.test.ts`),
  ...['webrtc-loss', 'hls-players', 'live-fmp4'].map((name) => `test/browser/${name}.test.ts`),
];
/** Suites of which the short length proves the same elsewhere: over HLS and MSE in Firefox, and with other cameras on the page. */
const IN_LONG =
  length === 'short' ? ['webrtc-firefox', 'webui-away'].map((name) => `test/browser/${name}.test.ts`) : [];

/**
 * Other people's programs have faults of their own, and three of them at once on two cores show them: in short form a test with
 * them may be tried again, and is named at the end when it needed it. In the long length, one at a time, none is.
 */
const withPeers = {
  retry: length === 'short' ? 2 : 0,
  // The lengths that the figures are for start the sources themselves.
  ...(length === 'short' && { globalSetup: 'test/peers/built-agent.ts' }),
};

/**
 * What browsers allow a page depends on its address, so in the long length the suites of the page are run by localhost and by the
 * machine's own address (`visit` in test/peers/page-visit.ts).
 */
const OF_PAGE = ['test/browser/page-*.test.ts', 'test/browser/webui*.test.ts'];
const browser = {
  setupFiles: 'test/support/base/in-process-setup.ts',
  testTimeout: slow,
  hookTimeout: 120_000,
  expect: PATIENT,
  ...withPeers,
  ...together,
};
const browserByAddress = {
  test: { ...browser, name: 'browser-address', include: OF_PAGE, env: { PERCH_PAGE_BY: 'plain' } },
};

/** What takes long begins first, so that no worker is left alone with it at the end. */
const LONG = [
  // Of the unit tests: the first in a new worker, three times as long behind others.
  'clock-year',
  // Suites of the page, which cost the most, each with others that mostly wait.
  ...['page-shell', 'recorded-seek', 'page-recordings', 'player-chromium', 'playback-seek', 'page-clips', 'proxies'],
  ...['page-live', 'recordings', 'page-camera', 'configuration', 'rtsp-ours', 'page-cameras', 'hooks', 'truncation'],
  ...[
    'page-look',
    'disk-space',
    'page-people',
    'page-updates',
    'hls-first-viewer',
    'rtsp-paths',
    'webui',
    'recordings-mpegts',
  ],
  ...['page-storage', 'disk-hangs', 'page-forms', 'video-codecs', 'power-cut', 'page-start', 'camera-adoption'],
  ...['page-system', 'attacks', 'page-backup', 'player-firefox', 'camera', 'page-again', 'players', 'webui-codecs'],
  ...[
    'playback-proof',
    'webui-away',
    'events',
    'page-first',
    'webrtc-pages',
    'proxy',
    'webrtc-publishing',
    'aac-sound',
  ],
  ...['webrtc-watching', 'webrtc-publisher-page', 'codecs', 'hls-validator', 'recorded-streams', 'rtsp-tunnels'],
  ...['rtsp-server', 'networks', 'webrtc-firefox', 'webrtc-pages-firefox', 'people', 'https', 'player-tracks'],
  ...['hls-secure', 'openwrt-root'],
  // Those of `ALONE`: beside the first the next three, beside the fifth the others.
  ...[
    'hls-players',
    'rtsp-media',
    'sync',
    'aac-sync',
    'live-fmp4',
    'rtsp-transports',
    'webrtc-loss',
    'impaired-tcp',
    'impaired',
  ],
  // Unit tests.
  ...['session-limits', 'people-routes', 'accounts', 'session-routes', 'recovery', 'retransmitter', 'programs'],
];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? LONG.length : at;
    };
    return [...files].sort((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

/** Packages, machines and soak. Machines are emulated, and have this one to themselves. */
const system = {
  test: {
    name: 'system',
    include: ['test/system/**/*.test.ts'],
    // What is shipped: what the sources keep in memory is not what people's boxes do.
    globalSetup: 'test/peers/built-agent.ts',
    testTimeout: slow,
    hookTimeout: slow,
    expect: PATIENT,
    fileParallelism: false,
  },
};

export default defineConfig({
  test: {
    reporters: ['default', './test/support/base/plain-summary.ts'],
    sequence: { sequencer: LongestFirst },
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
                  'packaging/**/*.test.ts',
                  'webui/**/*.test.{ts,tsx}',
                  'test/unit/**/*.test.ts',
                  'test/fuzz/**/*.test.ts',
                ],
                testTimeout: slow,
                hookTimeout: 60_000,
                expect: PATIENT,
                // Some have real sockets, which a kernel lets overflow on a busy machine. Who needs it is named, with the reason.
                retry: length === 'short' ? 1 : 0,
                ...(memory && { env: memory }),
                setupFiles: 'test/support/base/in-process-setup.ts',
                // A worker goes from file to file: what they all import is made ready once, not four hundred times.
                isolate: false,
                maxWorkers: 3,
                sequence: { groupOrder: 0 },
              },
            },
            {
              test: {
                name: 'interop',
                include: ['test/interop/**/*.test.ts'],
                exclude: ALONE,
                testTimeout: slow,
                hookTimeout: 120_000,
                expect: PATIENT,
                ...withPeers,
                ...together,
              },
            },
            {
              test: {
                name: 'alone',
                include: ALONE,
                testTimeout: slow,
                hookTimeout: 120_000,
                expect: PATIENT,
                ...withPeers,
                ...(length === 'short' ? { maxWorkers: 2 } : { fileParallelism: false }),
                sequence: { groupOrder: 2 },
              },
            },
            {
              test: {
                ...browser,
                name: 'browser',
                include: ['test/browser/**/*.test.ts'],
                exclude: [...ALONE, ...IN_LONG],
                ...(length === 'long' && { env: { PERCH_PAGE_BY: 'localhost' } }),
              },
            },
            ...(length === 'long' ? [browserByAddress] : []),
          ],
  },
});
