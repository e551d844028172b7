import { explain } from '../../base/errors.ts';
import { joinSignals, withJoinedSignal } from '../../base/joined-signal.ts';
import type { Config } from '../../config/load/load.ts';
import type { PathEntry, ReadyPath } from '../../config/load/path-entry.ts';
import { DEMO_PATH } from '../../config/values/path-name.ts';
import type { DemoCamera } from '../../demo-camera/demo-camera.ts';
import { DEMO_MASKS } from '../../demo-camera/motion-masks.ts';
import { describeDevice } from '../../onvif/device/describe-device.ts';
import { openSession } from '../../onvif/device/onvif-session.ts';
import type { CameraStream } from '../../onvif/device/streams.ts';
import { scan } from '../../onvif/discovery/scan.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Host } from '../contract.ts';

const DEMO_SUB_PATH = 'demo_sub';

const LISTEN_MS = 4_000;
/** Settings of the feature motion. */
const OF_MOTION = { motionSource: 'stream', motionMasks: [...DEMO_MASKS] };
/** A busy box may miss the replies of the first scan. */
const POLL_MS = 2_000;

type DemoDeps = Pick<Host, 'clock' | 'log' | 'signal'>;

interface DemoStreams {
  readonly onvifUrl: string;
  readonly main: Pick<CameraStream, 'token' | 'rtspUrl'>;
  readonly sub: Pick<CameraStream, 'token' | 'rtspUrl'> | undefined;
}

/** The demo camera, adopted like any other: found by a probe, read over ONVIF, pulled over RTSP. */
export interface Demo {
  /** `demo` and `demo_sub`, once it is found. */
  paths(config: Config): ReadonlyMap<string, PathEntry>;
  close(): Promise<void>;
}

/** Whether the demo camera is shown: in Perch's own setup, while no path is configured. A server shows cameras of boxes alone. */
export const wantsDemo = ({ isOwn, paths, server }: Config): boolean => isOwn && paths.size === 0 && !server;

/** Whether a path belongs to the demo camera, once it is found. */
export const isOfDemo = (config: Config, path: string): boolean =>
  wantsDemo(config) && (path === DEMO_PATH || path === DEMO_SUB_PATH);

/** @param onFound called when `paths` is no longer empty */
export function startDemo(deps: DemoDeps, onFound: () => void): Demo {
  let streams: DemoStreams | undefined;
  let camera: DemoCamera | undefined;
  const closed = new AbortController();
  const joined = joinSignals([deps.signal, closed.signal]);
  const { signal } = joined;
  const begin = async () => {
    const { startDemoCamera } = await loadLate('demo camera', () => import('../../demo-camera/demo-camera.ts'));
    camera = await startDemoCamera(deps);
    streams = await untilFound(camera, { ...deps, signal });
    if (!signal.aborted) {
      onFound();
    }
  };
  const begun = begin().catch((error: unknown) => {
    deps.log.error({ reason: explain(error) }, 'demo camera failed to start; other components are unaffected');
  });
  return {
    paths: (config) => pathsOf(streams, config),
    close: async () => {
      closed.abort();
      await begun;
      joined.release();
      await camera?.close();
    },
  };
}

async function untilFound(camera: DemoCamera, deps: DemoDeps): Promise<DemoStreams | undefined> {
  const { clock, log, signal } = deps;
  for (let logged = ''; !signal.aborted; await clock.sleep(POLL_MS, signal)) {
    const found = await findStreams(camera, deps).catch((error: unknown) => explain(error));
    if (typeof found === 'object') {
      return found;
    }
    const reason = found ?? 'it did not answer the probe';
    if (reason !== logged && !signal.aborted) {
      log.warn({ reason }, 'demo camera not found yet, searching again');
    }
    logged = reason;
  }
  return undefined;
}

async function findStreams(camera: DemoCamera, deps: DemoDeps): Promise<DemoStreams | undefined> {
  const { signal, clock } = deps;
  const found = await findUrl(camera.onvifUrl, deps);
  if (found === undefined) {
    return undefined;
  }
  const session = await openSession({ url: found, signal, clock });
  const { main, sub } = await describeDevice(session, { signal });
  return { onvifUrl: found, main, sub };
}

async function findUrl(wanted: string, { log, signal, clock }: DemoDeps): Promise<string | undefined> {
  const isFound = new AbortController();
  const options = { includeLoopback: true, listenMs: LISTEN_MS, log, clock };
  let url: string | undefined;
  await withJoinedSignal([signal, isFound.signal], undefined, (joined) =>
    scan({ ...options, signal: joined.signal }, (camera) => {
      if (camera.url === wanted) {
        url = camera.url;
        isFound.abort();
      }
    }),
  );
  return url;
}

function pathsOf(streams: DemoStreams | undefined, { pathDefaults }: Config): ReadonlyMap<string, PathEntry> {
  const paths = new Map<string, ReadyPath>();
  if (!streams) {
    return paths;
  }
  const { onvifUrl, main, sub } = streams;
  const entry = (name: string, profile: DemoStreams['main'], record: 'always' | 'no'): ReadyPath => ({
    name,
    settings: {
      ...pathDefaults,
      source: profile.rtspUrl ?? pathDefaults.source,
      record,
      ...OF_MOTION,
      camera: { onvif: onvifUrl, profile: profile.token, name: 'Demo camera' },
    },
  });
  paths.set(DEMO_PATH, entry(DEMO_PATH, main, 'always'));
  if (sub) {
    paths.set(DEMO_SUB_PATH, entry(DEMO_SUB_PATH, sub, 'no'));
  }
  return paths;
}
