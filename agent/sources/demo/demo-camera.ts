import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { DISCOVERY_PORT, startDiscoveryResponder } from './discovery-responder.ts';
import { Feed, VIDEO_FPS, VIDEO_GROUP } from './feed.ts';
import { DEMO_IDENTITY, type StreamProfile } from './onvif-replies.ts';
import { startOnvifServer } from './onvif-server.ts';
import { startRtspServer } from './rtsp-server.ts';

export type DemoProfile = 'main' | 'sub';

const SIZES: ReadonlyMap<DemoProfile, readonly [width: number, height: number]> = new Map([
  ['main', [640, 360]],
  ['sub', [320, 180]],
]);
/** What is announced; the streams stay below it. */
const BIT_RATE_LIMIT_KBIT: Record<DemoProfile, number> = { main: 1000, sub: 600 };

export interface DemoCameraOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Any free port when not given. */
  readonly rtspPort?: number;
  /** UDP port to listen on for probes, 3702 but in tests. */
  readonly discoveryPort?: number;
}

export interface DemoCamera {
  /** The ONVIF device service. */
  readonly onvifUrl: string;
  rtspUrl(profile: DemoProfile): string;
  close(): Promise<void>;
}

/**
 * A camera for those who have none at hand, and for tests: found by discovery, read over ONVIF and pulled over RTSP
 * like any other, and to be reached from this machine alone.
 */
export async function startDemoCamera(options: DemoCameraOptions): Promise<DemoCamera> {
  const { clock, log } = options;
  const feed = new Feed(clock, SIZES);
  const rtsp = await startRtspServer(options.rtspPort ?? 0, feed, clock, log);
  const rtspUrl = (profile: DemoProfile) => `rtsp://127.0.0.1:${rtsp.port}/${profile}`;
  const profiles: StreamProfile[] = Array.from(SIZES, ([token, [width, height]]) => ({
    token,
    width,
    height,
    fps: VIDEO_FPS,
    group: VIDEO_GROUP,
    kbitPerSecond: BIT_RATE_LIMIT_KBIT[token],
    rtspUrl: rtspUrl(token),
  }));
  const onvif = await startOnvifServer(
    () => ({ identity: DEMO_IDENTITY, profiles, unixMs: clock.wallMs() }),
    log,
  ).catch(async (error) => {
    await rtsp.close();
    throw error;
  });
  const stopResponder = await startDiscoveryResponder(options.discoveryPort ?? DISCOVERY_PORT, onvif.deviceUrl, log);
  const close = async () => {
    stopResponder();
    await Promise.all([onvif.close(), rtsp.close()]);
  };
  return { onvifUrl: onvif.deviceUrl, rtspUrl, close };
}
