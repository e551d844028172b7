import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { shownPeer } from '../../../base/ip-address.ts';
import type { Logger } from '../../../base/log.ts';
import { SocketChannel } from '../../../base/socket-channel.ts';
import { acceptOf } from '../../../media/websocket/frames.ts';
import { LiveBody } from './live-body.ts';
import { describeFailure, type LiveRequest, type LiveServer } from './live-server.ts';
import { MseSocket } from './mse-socket.ts';
import { parseCodecs } from './selection.ts';

/** Read permission. */
interface LiveAccess {
  /** Throws a PerchError 'unauthorized'. */
  require(request: FastifyRequest, action: 'read', path: string): Promise<void>;
  identify(request: FastifyRequest): {
    readonly ip: string;
    readonly user?: string;
    readonly sessionUser?: string;
    /** What the session that it opens is to be called. */
    readonly request?: { readonly id: string | null };
  };
  origin(request: FastifyRequest): { readonly isSameOrigin: boolean };
}

interface LiveAddressesOptions {
  /** Looked up at each request. */
  server(): LiveServer;
  readonly access: LiveAccess;
  /** Takes a connection for a WebSocket out of HTTP's hands; undefined: the request is none. */
  readonly takeUpgrade: (
    request: FastifyRequest,
    reply: FastifyReply,
  ) => { readonly socket: Socket; readonly head: Uint8Array } | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

interface LiveAddress {
  readonly path: string;
  readonly kind: 'mp4' | 'mse';
}

const KINDS: ReadonlyMap<string, LiveAddress['kind']> = new Map([
  ['live.mp4', 'mp4'],
  ['mse', 'mse'],
]);
/** For a viewer to take what waits for it when its file has ended; else it would keep that, and the connection, for ever. */
const CLOSING_MS = 15_000;
/** RFC 6455 §4.1: 16 bytes in base64. */
const WEBSOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;
const WEBSOCKET_VERSION = '13';
const MAX_USER_AGENT_CHARACTERS = 512;

/** `/{path}/live.mp4` and `/{path}/mse`, below the addresses of HLS. */
export function liveAddresses(options: LiveAddressesOptions) {
  return {
    takes: (address: string): boolean => parseLiveAddress(address) !== undefined,
    answer: async (address: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const wanted = parseLiveAddress(address);
      if (!wanted) {
        throw new PerchError('notFound', 'not found');
      }
      checkOrigin(options, request, reply);
      await options.access.require(request, 'read', wanted.path);
      const live = requestOf(options, wanted, request);
      return wanted.kind === 'mp4'
        ? sendFile(options, live, request, reply)
        : openSocket(options, live, request, reply);
    },
  };
}

/** @param address decoded, without query */
export function parseLiveAddress(address: string): LiveAddress | undefined {
  const slash = address.lastIndexOf('/');
  const kind = KINDS.get(address.slice(slash + 1));
  return kind !== undefined && slash > 0 ? { path: address.slice(0, slash), kind } : undefined;
}

/**
 * Browsers let any page open a WebSocket to anywhere and read from it: those that may not read other answers (by the configured
 * origins) may not do this either.
 */
function checkOrigin({ access }: LiveAddressesOptions, request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers;
  const isAllowed = reply.hasHeader('Access-Control-Allow-Origin') || access.origin(request).isSameOrigin;
  if (request.headers.upgrade !== undefined && origin !== undefined && !isAllowed) {
    throw new PerchError('unauthorized', `pages of ${origin.slice(0, 100)} may not watch here`, { challenge: false });
  }
}

function requestOf({ access }: LiveAddressesOptions, wanted: LiveAddress, request: FastifyRequest): LiveRequest {
  const { ip, user, sessionUser, request: facts } = access.identify(request);
  const query = request.url.split(/\?(.*)/s)[1] ?? '';
  const parameters = new URLSearchParams(query);
  return {
    id: facts?.id ?? undefined,
    path: wanted.path,
    query,
    ip,
    remoteAddr: shownPeer(ip, request.socket.remotePort ?? 0),
    user: user ?? sessionUser ?? '',
    userAgent: (request.headers['user-agent'] ?? '').slice(0, MAX_USER_AGENT_CHARACTERS),
    transport: wanted.kind,
    wantsFlac: parameters.get('audio') === 'flac',
    codecs: parseCodecs(parameters.get('codecs') ?? undefined),
    isOneOfEach: wanted.kind === 'mse',
  };
}

/** Ranges are not answered with (RFC 9110 §14.2 allows it): there is no length that they could be parts of. */
async function sendFile(
  { server: running, clock }: LiveAddressesOptions,
  live: LiveRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const server = running();
  const opened = await server.open(live);
  const hasVideo = opened.selection.tracks.some((track) => opened.stream.tracks[track]?.kind === 'video');
  reply.header('Content-Type', hasVideo ? 'video/mp4' : 'audio/mp4');
  reply.header('Cache-Control', 'no-store').header('Accept-Ranges', 'none');
  if (request.method === 'HEAD') {
    return reply.send();
  }
  const closed = new AbortController();
  reply.raw.once('close', () => closed.abort());
  const onEnded = async () => {
    await clock.sleep(CLOSING_MS, closed.signal);
    if (!closed.signal.aborted) {
      reply.raw.destroy();
    }
  };
  const body = new LiveBody(
    () => leave(),
    () => void onEnded(),
  );
  const leave = server.watch(live, opened, body);
  return reply.send(body);
}

async function openSocket(
  { server: running, takeUpgrade, clock, log }: LiveAddressesOptions,
  live: LiveRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const server = running();
  const key = request.headers['sec-websocket-key'] ?? '';
  const version = request.headers['sec-websocket-version'];
  if (version !== undefined && version !== WEBSOCKET_VERSION) {
    reply.header('Sec-WebSocket-Version', WEBSOCKET_VERSION);
  }
  if (version !== WEBSOCKET_VERSION) {
    const error = `here is a WebSocket of version ${WEBSOCKET_VERSION}, and nothing else`;
    return reply.code(426).header('Upgrade', 'websocket').send({ status: 'error', error });
  }
  if (!WEBSOCKET_KEY.test(key)) {
    throw new PerchError('badInput', 'Sec-WebSocket-Key is not 16 bytes in base64');
  }
  const upgrade = takeUpgrade(request, reply);
  if (!upgrade) {
    throw new PerchError('badInput', 'the connection cannot become a WebSocket');
  }
  const { socket, head } = upgrade;
  socket.write(handshakeAnswer(key));
  const channel = new SocketChannel(socket);
  let leave: (() => void) | undefined;
  const mse = new MseSocket(channel, clock, () => leave?.());
  if (socket.destroyed) {
    mse.onEnd();
    return reply;
  }
  if (head.length > 0) {
    channel.receive(head, head.length);
  }
  try {
    const opened = await server.open(live);
    if (!mse.isClosing) {
      mse.leftOut = opened.selection.leftOut;
      channel.together(() => {
        leave = server.watch(live, opened, mse);
      });
    }
  } catch (error) {
    if (!(error instanceof PerchError)) {
      log.error({ path: live.path, err: error }, 'live fMP4 cannot begin');
    }
    const { code, reason, labels } = describeFailure(error);
    mse.end(code, reason, labels);
  }
  return reply;
}

function handshakeAnswer(key: string): string {
  const accept = acceptOf(key, (text) => createHash('sha1').update(text).digest('base64'));
  const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`;
}
