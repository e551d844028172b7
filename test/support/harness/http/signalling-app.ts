import { readFileSync } from 'node:fs';
import fastify, { type FastifyInstance } from 'fastify';
import { systemClock } from '../../../../agent/base/clock.ts';
import { PerchError } from '../../../../agent/base/errors.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { cors } from '../../../../agent/http/listener/cors.ts';
import { installErrorHandler } from '../../../../agent/http/listener/errors.ts';
import type { Track } from '../../../../agent/media/sample/track.ts';
import { WebRtcServer } from '../../../../agent/servers/webrtc/server/server.ts';
import type { WebRtcPaths } from '../../../../agent/servers/webrtc/session/contracts.ts';
import { webrtcPlugin } from '../../../../agent/servers/webrtc/signalling/plugin.ts';
import type { SignallingOptions } from '../../../../agent/servers/webrtc/signalling/requests.ts';
import { Stream } from '../../../../agent/stream/stream.ts';
import { WEBRTC_OPTIONS } from '../../clients/webrtc/webrtc-options.ts';
import { webrtcPaths } from '../../clients/webrtc/webrtc-paths.ts';

export const SDP = { 'content-type': 'application/sdp' };
export const FRAGMENT = { 'content-type': 'application/trickle-ice-sdpfrag' };
export const offerOf = (name: string): string => readFileSync(`test/fixtures/offers/${name}.sdp`, 'utf8');

const AUDIO: Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: 1 };
const AAC: Track = { ...AUDIO, codec: 'aac', config: new Uint8Array(2), frameSamples: 1_024 };

async function openStream(path: string): Promise<Stream> {
  switch (path) {
    case 'cam':
    case 'group/front door':
      return new Stream([AUDIO]);
    case 'aac':
      return new Stream([AAC]);
    case 'both':
      return new Stream([AAC, AUDIO]);
    case 'slow':
      throw new PerchError('timeout', "source of path 'slow' has timed out");
    default:
      throw new PerchError('notFound', `no stream is available on path '${path}'`);
  }
}

export interface SignallingApp extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly server: WebRtcServer;
}

export interface Where {
  readonly prefix?: string;
  readonly paths?: Partial<WebRtcPaths>;
  /** UDP address of media; empty: none. */
  readonly udpAddress?: string;
}

/** The signalling service over a server whose paths are a few streams without a sample. */
export async function signallingApp(
  more: Partial<SignallingOptions> = {},
  { prefix = '', paths = {}, udpAddress = '127.0.0.1:0' }: Where = {},
): Promise<SignallingApp> {
  const options = { ...WEBRTC_OPTIONS, webrtcLocalUDPAddress: udpAddress };
  const server = new WebRtcServer(options, webrtcPaths(openStream, paths), systemClock, silentLogger);
  await server.listen();
  const app = fastify();
  installErrorHandler(app);
  await app.register(webrtcPlugin, {
    server,
    access: { require: async () => {}, identify: () => ({ ip: '192.0.2.1' }) },
    cors: (methods, headers) => cors(() => ['*'], methods, headers),
    iceServers: [],
    isConfigured: (path) => path !== 'missing',
    prefix,
    ...more,
  });
  const close = async (): Promise<void> => {
    await server.close();
    await app.close();
  };
  return { app, server, [Symbol.asyncDispose]: close };
}
