import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { shownPeer } from '../../../base/network/ip-address.ts';
import { acceptWebSocket } from '../../../http/listener/accept-web-socket.ts';
import type { HttpAccess } from '../../../protocols/contract.ts';
import { LiveBody } from './live-body.ts';
import { describeFailure, type LiveRequest, type LiveServer } from './live-server.ts';
import { MseSocket } from './mse-socket.ts';
import { parseCodecs } from './selection.ts';

interface LiveAddressesOptions {
  /** Called for each request. */
  server(): LiveServer;
  readonly access: Pick<HttpAccess, 'require' | 'identify' | 'origin'>;
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
/** How long a viewer may read the rest after the file has ended; without a limit it could keep the connection forever. */
const CLOSING_MS = 15_000;

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

export function parseLiveAddress(address: string): LiveAddress | undefined {
  const slash = address.lastIndexOf('/');
  const kind = KINDS.get(address.slice(slash + 1));
  return kind !== undefined && slash > 0 ? { path: address.slice(0, slash), kind } : undefined;
}

/**
 * Browsers let any page open a WebSocket to any host and read from it: pages of origins that are not allowed are
 * rejected.
 */
function checkOrigin({ access }: LiveAddressesOptions, request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers;
  const isAllowed = reply.hasHeader('Access-Control-Allow-Origin') || access.origin(request).isSameOrigin;
  if (request.headers.upgrade !== undefined && origin !== undefined && !isAllowed) {
    throw new PerchError('unauthorized', `pages of ${origin.slice(0, 100)} are not allowed to watch`, {
      challenge: false,
    });
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
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 512),
    transport: wanted.kind,
    wantsFlac: parameters.get('audio') === 'flac',
    codecs: parseCodecs(parameters.get('codecs') ?? undefined),
    isOneOfEach: wanted.kind === 'mse',
  };
}

/** Sends the file without ranges (RFC 9110 §14.2): it has no length. */
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
  { server: running, clock, log }: LiveAddressesOptions,
  live: LiveRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const server = running();
  const channel = acceptWebSocket(request, reply);
  if (!channel) {
    return reply;
  }
  let leave: (() => void) | undefined;
  const mse = new MseSocket(channel, clock, () => leave?.());
  if (!channel.start()) {
    mse.onEnd();
    return reply;
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
