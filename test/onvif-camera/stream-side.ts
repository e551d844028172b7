import { createHash, randomBytes } from 'node:crypto';
import { systemClock } from '../../agent/base/clock.ts';
import { silentLogger } from '../../agent/base/log.ts';
import { type RtspServer, startRtspServer } from '../../agent/demo-camera/demo-camera.ts';
import { DemoStreams, type PlayedStreams } from '../../agent/demo-camera/demo-streams.ts';
import {
  type DigestAlgorithm,
  parseAuthorization,
  verifyDigest,
  writeChallenge,
} from '../../agent/media/rtsp/digest.ts';
import type { HeaderField, RtspRequest } from '../../agent/media/rtsp/message.ts';
import { escapeXml } from '../../agent/onvif/soap/xml/xml.ts';
import { type Call, Fault } from './call.ts';
import type { CameraState, SimulatedProfile } from './state.ts';

const SIZES = new Map<string, readonly [width: number, height: number]>([
  ['main', [640, 360]],
  ['sub', [320, 180]],
]);
const REALM = 'simulated camera';

let feed: DemoStreams | undefined;
/** One for all simulated cameras of a process. */
export const sharedFeed = (): DemoStreams => {
  feed ??= new DemoStreams(systemClock, SIZES);
  return feed;
};

let slowFeed: DemoStreams | undefined;
/** The same with five pictures a second, a third of those that a browser would decode and paint. */
export const sharedSlowFeed = (): DemoStreams => {
  slowFeed ??= new DemoStreams(systemClock, SIZES, 5);
  return slowFeed;
};

/** The path that a profile is streamed at, with its query. */
export const streamPathOf = ({ quirks }: CameraState, profile: SimulatedProfile): string =>
  quirks.streamPaths?.[profile.token] ?? `/${profile.stream}`;

/** The camera's stream address, escaped for XML. */
export function streamUri(state: CameraState, call: Call, profile: SimulatedProfile): string {
  const { streamHost, streamUriEnd = '', streamUriText, busyAddresses } = state.quirks;
  if (busyAddresses?.includes(profile.token)) {
    throw new Fault('Action', 'busy', { isSender: false, status: 503 });
  }
  const port = portOf(state, call);
  const portText = port === 'none' ? '' : `:${port}`;
  const host = streamHost ?? (call.host.includes(':') ? `[${call.host}]` : call.host);
  const uri = escapeXml(`rtsp://${host}${portText}${streamPathOf(state, profile)}${streamUriEnd}`);
  switch (streamUriText) {
    case 'spaced':
      return `\n   ${uri} \r\n`;
    case 'escaped twice':
      return uri.replaceAll('&', '&amp;');
    default:
      return uri;
  }
}

function portOf({ quirks, httpPort, rtspPort }: CameraState, call: Call): number | 'none' {
  if (quirks.answersHttpTunnelWithPort80 && /http/i.test(call.argument('Protocol') ?? '')) {
    return 80;
  }
  return quirks.streamPort === 'http' ? httpPort : (quirks.streamPort ?? rtspPort);
}

/** The camera's RTSP service: the demo camera's, behind this camera's login and at its paths. */
export function startStreamSide(state: CameraState, address: string, port: number): Promise<RtspServer> {
  const nonce = randomBytes(16).toString('hex');
  const profileOf = (uri: string): SimulatedProfile | undefined => {
    const path = uri.replace(/^rtsp:\/\/[^/]*/i, '').replace(/\/trackID=\d$/, '');
    return state.profiles.find((each) => sameStream(path, streamPathOf(state, each)));
  };
  const streamOf = (uri: string): string | undefined => profileOf(uri)?.stream;
  return startRtspServer(port, counted(state, state.feed ?? sharedFeed()), systemClock, silentLogger, {
    address,
    quirks: {
      moreMedia: (request) => backChannel(state, request),
      refuses: ({ method, uri }) => {
        const { token = '', kbitPerSecond = 0 } = profileOf(uri) ?? {};
        const { describes, losesStreamAboveKbps = Number.POSITIVE_INFINITY } = state.quirks;
        const isTaken = state.quirks.oneSession === 'endsLive' && state.replayed > 0;
        const refusal = isTaken ? 453 : kbitPerSecond > losesStreamAboveKbps ? 404 : describes?.[token];
        return method === 'DESCRIBE' ? refusal : undefined;
      },
      delay: ({ method, headers }) => {
        const { describeMs } = state.quirks;
        const isLoggedIn = !state.credentials || headers.get('Authorization') !== undefined;
        return describeMs !== undefined && method === 'DESCRIBE' && isLoggedIn
          ? systemClock.sleep(describeMs, NEVER)
          : undefined;
      },
      streamOf: (uri) => streamOf(uri) ?? (state.quirks.streamPaths ? 'none' : undefined),
      challenge: (request) => {
        const isInteractive = request.method === 'DESCRIBE' || request.method === 'SETUP';
        const isUnknown = request.method === 'DESCRIBE' && state.quirks.tellsPathsBeforeLogin && !streamOf(request.uri);
        return isInteractive && !isUnknown ? challengeOf(state, request, nonce) : undefined;
      },
    },
  });
}

/** The streams, whose players are counted. */
const counted = (state: CameraState, feed: PlayedStreams): PlayedStreams => ({
  tracksOf: (stream) => feed.tracksOf(stream),
  listen: (stream, listener) => {
    const leave = feed.listen(stream, listener);
    state.livePlayed += 1;
    return () => {
      state.livePlayed -= 1;
      leave();
    };
  },
});

/** ONVIF Streaming Specification §5.3.2. */
function backChannel({ quirks }: CameraState, request: RtspRequest): string {
  const isInteractive = (request.headers.get('Require') ?? '').includes('backchannel');
  return quirks.backChannel === 'always' || (quirks.backChannel === 'when asked' && isInteractive)
    ? 'm=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=control:trackID=2\r\na=sendonly\r\n'
    : '';
}

const NEVER = new AbortController().signal;

/** A player may leave the query out. */
const sameStream = (asked: string, path: string): boolean =>
  asked.replace(/\/$/, '') === path || asked.split('?')[0]?.replace(/\/$/, '') === path.split('?')[0];

const hash = (algorithm: DigestAlgorithm, text: string): string => createHash(algorithm).update(text).digest('hex');

export function challengeOf(
  { credentials, quirks, wrongLogins }: CameraState,
  request: RtspRequest,
  nonce: string,
): HeaderField[] | undefined {
  const kind = quirks.rtspLogin ?? 'md5';
  if (!credentials || kind === 'none') {
    return undefined;
  }
  const { user, password } = credentials;
  const algorithms: readonly DigestAlgorithm[] =
    kind === 'both' ? ['sha256', 'md5'] : kind === 'sha256' ? ['sha256'] : ['md5'];
  const answer = parseAuthorization(request.headers.get('Authorization') ?? '');
  const isRight =
    answer?.scheme === 'basic'
      ? kind === 'basic' && answer.user === user && answer.password === password
      : answer !== undefined &&
        kind !== 'basic' &&
        algorithms.includes(answer.algorithm) &&
        answer.user === user &&
        answer.nonce === nonce &&
        verifyDigest(answer, request.method, password, hash);
  if (isRight && !quirks.rejectsStreamLogin) {
    return undefined;
  }
  if (answer) {
    wrongLogins.push('stream');
  }
  const basic = { scheme: 'basic', realm: REALM, nonce: '', algorithm: 'md5' } as const;
  return kind === 'basic'
    ? [['WWW-Authenticate', writeChallenge(basic)]]
    : algorithms.map((algorithm) => [
        'WWW-Authenticate',
        writeChallenge({ scheme: 'digest', realm: REALM, nonce, algorithm }),
      ]);
}
