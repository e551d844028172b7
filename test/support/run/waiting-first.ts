import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Suites that take longest, because they wait: for time limits of Perch, or for pictures in real time. */
const WAITING = [
  'agent/features/backfill/fetching/fetch-gap',
  'agent/cameras/adoptions',
  'agent/features/objects/detector/process/process-detector',
  'packaging/keep-bundle',
  'agent/onvif/discovery/found-cameras',
  'system/updater/debian',
  'test/smoke/page-walk',
  'test/smoke/onvif-device',
  'test/smoke/recorded-streams',
  'test/smoke/players',
  'test/smoke/protocols',
  'test/smoke/hls-validator',
  'test/features/objects/interop/objects-in-events',
  'test/features/archive/interop/archive',
  'test/interop/matrix',
  'test/interop/device/watchdog',
  'test/interop/cameras/camera-following',
  'test/interop/sources/hls-trouble',
  'test/features/boxes/interop/fetch',
  'test/features/camera-network/interop/camera-network',
  'test/interop/packages/openwrt-root',
  'test/interop/cameras/recorder-password',
  'test/interop/device/packet-dump',
  'test/features/backfill/interop/backfill',
  'test/interop/recordings/disk-hangs',
  'test/features/archive/interop/archived-lapse',
  'test/interop/packages/picture-decoder',
  'test/browser/page/shell/page-look',
  'test/browser/page/live/page-live',
  'test/browser/page/cameras/page-start',
  'test/browser/page/recordings/page-recordings',
  'test/browser/page/cameras/page-cameras',
  'test/browser/page/shell/page-layout',
  'test/features/demo/browser/page-demo',
  'test/features/camera-network/browser/page-camera-network',
  'test/browser/page/live/page-layouts',
  'test/browser/page/settings/page-factor',
  'test/features/boxes/browser/page-wall-boxes',
  'test/browser/page/live/page-states',
  'test/browser/page/live/page-away',
  'test/features/transfer/browser/page-import',
  'test/browser/players/always-available',
  'test/features/archive/browser/archived-seek',
  'test/browser/page/shell/page-steady',
  'test/browser/access/trust-firefox',
  'test/timing/throttled',
  'test/timing/webrtc-loss',
  'test/timing/slow-link',
  'test/timing/recorder-channels',
];

/** Suites that collect garbage or take snapshots of the heap: a worker's heap grows with every suite. */
const OF_HEAP = [
  'agent/http/pprof/pprof-routes',
  'agent/servers/webrtc/server/session-limits',
  'agent/onvif/events/notifications-load',
  'agent/servers/webrtc/signalling/requests',
  'test/unit/heap-shares',
];

/** Suites that a busy machine disturbs begin last, when those that load it are over. */
const LAST = ['/test/timing/camera-quirks.test.ts'];

const FIRST = [...WAITING, ...OF_HEAP].map((name) => `/${name}.test.ts`);

/** Suites that wait begin first, so that others run meanwhile; then those of the heap; then those that took longest, or the largest ones in a fresh clone. */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification): number => {
      const at = FIRST.findIndex((name) => moduleId.endsWith(name));
      const isLast = LAST.some((name) => moduleId.endsWith(name));
      return at < 0 ? FIRST.length + (isLast ? 1 : 0) : at;
    };
    return sorted.toSorted((one, other) => place(one) - place(other));
  }
}
