import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { unlessExpected } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { MulticastSocket } from '../base/network/multicast-socket.ts';
import { DemoStreams, type PlayedStreams, VIDEO_FPS, VIDEO_GROUP } from './demo-streams.ts';
import { DEMO_IDENTITY, type StreamProfile, writeProbeMatches } from './onvif-replies.ts';
import { parseSoapRequest, startOnvifServer } from './onvif-server.ts';
import { type RtspQuirks, RtspSession } from './rtsp-session.ts';

const DISCOVERY_GROUP = '239.255.255.250';
const DISCOVERY_PORT = 3702;
const TYPES = /(^|[\s:])(NetworkVideoTransmitter|Device)(\s|$)/;

/**
 * Answers WS-Discovery probes from this box's loopback only: the demo camera is not on the LAN.
 * A port that cannot be opened is logged; the camera works without discovery.
 * @returns a function that stops it
 */
async function startDiscoveryResponder(port: number, deviceUrl: string, log: Logger): Promise<() => void> {
  const loopback = { name: 'lo', family: 'IPv4', address: '127.0.0.1' } as const;
  const socket: MulticastSocket = new MulticastSocket(loopback, {
    group: DISCOVERY_GROUP,
    port,
    ttl: 1,
    onMessage: (datagram, from) => {
      const reply = from.address.startsWith('127.') ? answerProbe(datagram, deviceUrl) : undefined;
      if (reply !== undefined) {
        void socket.send(reply, from.port, from.address);
      }
    },
    onError: (error) => log.warn({ error: error.message, port }, 'the demo camera cannot be discovered'),
  });
  await socket.opened;
  return () => socket.close();
}

/** The answer to a datagram; undefined when it is not a probe, or one for other devices. */
function answerProbe(datagram: Uint8Array, deviceUrl: string): string | undefined {
  const request = unlessExpected(() => parseSoapRequest(datagram));
  const types = request?.argument('Types') ?? '';
  if (request?.operation !== 'Probe' || (types !== '' && !TYPES.test(types))) {
    return undefined;
  }
  const messageId = (request.argument('MessageID') ?? '').replace(/[^\w:.-]/g, '').slice(0, 128);
  return writeProbeMatches(`urn:uuid:${randomUUID()}`, messageId, DEMO_IDENTITY, deviceUrl);
}

type DemoProfile = 'main' | 'sub';

const SIZES: ReadonlyMap<DemoProfile, readonly [width: number, height: number]> = new Map([
  ['main', [640, 360]],
  ['sub', [320, 180]],
]);
/** Bit rates that are announced over ONVIF; the streams stay below them. */
const MAX_KBIT_PER_SECOND: Record<DemoProfile, number> = { main: 1000, sub: 600 };

interface DemoCameraOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** RTSP port; default: any free port. */
  readonly rtspPort?: number;
  /** UDP port for probes; default: 3702. */
  readonly discoveryPort?: number;
}

export interface DemoCamera {
  /** The ONVIF device service. */
  readonly onvifUrl: string;
  rtspUrl(profile: DemoProfile): string;
  close(): Promise<void>;
}

/**
 * A camera for people without one, and for tests: found by discovery, described over ONVIF and pulled over RTSP like any other.
 * Only this box can reach it.
 */
export async function startDemoCamera(options: DemoCameraOptions): Promise<DemoCamera> {
  const { clock, log } = options;
  const streams = new DemoStreams(clock, SIZES);
  const rtsp = await startRtspServer(options.rtspPort ?? 0, streams, clock, log);
  const rtspUrl = (profile: DemoProfile) => `rtsp://127.0.0.1:${rtsp.port}/${profile}`;
  const profiles: StreamProfile[] = Array.from(SIZES, ([token, [width, height]]) => ({
    token,
    width,
    height,
    fps: VIDEO_FPS,
    group: VIDEO_GROUP,
    kbitPerSecond: MAX_KBIT_PER_SECOND[token],
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

export interface RtspServer {
  readonly port: number;
  close(): Promise<void>;
}

interface RtspServerOptions {
  /** Address to listen on; default: loopback. */
  readonly address?: string;
  readonly quirks?: RtspQuirks;
}

/** @param port 0: any free port */
export async function startRtspServer(
  port: number,
  streams: PlayedStreams,
  clock: Clock,
  log: Logger,
  { address = '127.0.0.1', quirks }: RtspServerOptions = {},
): Promise<RtspServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    new RtspSession(socket, streams, clock, log, quirks);
  });
  server.maxConnections = 32;
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, address, resolve);
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) {
        socket.destroy();
      }
    });
  return { port: (server.address() as AddressInfo).port, close };
}
