import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { shownPeer } from '../../base/network/ip-address.ts';
import { acceptWebSocket } from '../../http/listener/accept-web-socket.ts';
import { cors } from '../../http/listener/cors.ts';
import { WebSocketChannel } from '../../media/websocket/channel.ts';
import type { RouteDeps, RunningServer } from '../../protocols/contract.ts';
import type { FlvOutput, FlvRequest, FlvServer } from './flv-server.ts';
import { withoutSecrets } from './target.ts';

/** ZLMediaKit's addresses; a stream may have a slash. */
const FILES = ['/:app/:file(^[^/]+\\.live\\.flv$)', '/:app/:folder/:file(^[^/]+\\.live\\.flv$)'];
const ENDING = '.live.flv';
/** The app of paths without a slash. */
const PLAIN_APP = 'live';
/** How long a viewer may read the rest after the stream has ended. Without a limit it could keep the connection forever. */
const CLOSING_MS = 15_000;

interface RunningFlv extends RunningServer {
  readonly flv: FlvServer;
}

interface Names {
  readonly app: string;
  readonly folder?: string;
  readonly file: string;
}

/** `GET /live/cam.live.flv`, over HTTP and as a WebSocket. */
export async function mountFlv(app: FastifyInstance, deps: RouteDeps<RunningFlv>): Promise<void> {
  await app.register(async (routes) => {
    routes.addHook(
      'onRequest',
      cors(() => deps.config().hlsAllowOrigins, 'OPTIONS, GET', 'Authorization'),
    );
    for (const url of FILES) {
      routes.get<{ Params: Names }>(url, (request, reply) => answer(deps, request, reply));
      // Preflights need a route; the hook answers them.
      routes.options(url, () => {
        throw new PerchError('notFound', 'not found');
      });
    }
  });
}

async function answer(
  deps: RouteDeps<RunningFlv>,
  request: FastifyRequest<{ Params: Names }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const path = pathOf(deps, request.params);
  checkOrigin(deps, request, reply);
  await deps.access.require(request, 'read', path);
  const server = deps.running()?.flv;
  if (!server) {
    throw new PerchError('unavailable', 'FLV needs the RTMP server, which is off (rtmp: no)');
  }
  const wanted = requestOf(deps, request, path);
  const stream = await server.open(wanted);
  if (request.headers.upgrade === undefined) {
    reply.header('Content-Type', 'video/x-flv').header('Cache-Control', 'no-store');
    if (request.method === 'HEAD') {
      return reply.send();
    }
    const body = new FlvBody(deps.clock, reply);
    body.once('close', server.watch(wanted, stream, body));
    return reply.send(body);
  }
  const channel = acceptWebSocket(request, reply);
  if (channel) {
    const socket = new WebSocketChannel(channel, undefined);
    let leave: (() => void) | undefined;
    socket.sink = { onBytes: () => {}, onEnd: () => leave?.() };
    if (channel.start()) {
      leave = server.watch(wanted, stream, socket);
    }
  }
  return reply;
}

/** `live/door` is the path `door` where there is no path `live/door`. */
function pathOf({ paths }: RouteDeps<RunningFlv>, { app, folder, file }: Names): string {
  const stream = [...(folder === undefined ? [] : [folder]), file.slice(0, -ENDING.length)].join('/');
  const whole = `${app}/${stream}`;
  return app === PLAIN_APP && paths.find(whole) === undefined ? stream : whole;
}

/** Rejects pages of other origins: browsers let any page open a WebSocket to any host and read from it. */
function checkOrigin({ access }: RouteDeps<RunningFlv>, request: FastifyRequest, reply: FastifyReply): void {
  const { origin } = request.headers;
  const isAllowed = reply.hasHeader('Access-Control-Allow-Origin') || access.origin(request).isSameOrigin;
  if (request.headers.upgrade !== undefined && origin !== undefined && !isAllowed) {
    const context = { challenge: false };
    throw new PerchError('unauthorized', `pages of ${origin.slice(0, 100)} are not allowed to watch`, context);
  }
}

function requestOf({ access }: RouteDeps<RunningFlv>, request: FastifyRequest, path: string): FlvRequest {
  const { ip, user, sessionUser, request: facts } = access.identify(request);
  return {
    id: facts?.id ?? randomUUID(),
    path,
    ip,
    query: withoutSecrets(request.url.split(/\?(.*)/s)[1] ?? ''),
    watcher: { user: user ?? sessionUser ?? '', remoteAddr: shownPeer(ip, request.socket.remotePort ?? 0) },
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 512),
  };
}

class FlvBody extends Readable implements FlvOutput {
  readonly #clock: Clock;
  readonly #reply: FastifyReply;

  constructor(clock: Clock, reply: FastifyReply) {
    super();
    this.#clock = clock;
    this.#reply = reply;
  }

  get queuedBytes(): number {
    return this.readableLength + this.#reply.raw.writableLength;
  }

  write(bytes: Uint8Array): void {
    this.push(bytes);
  }

  end(): void {
    this.push(null);
    const closed = new AbortController();
    const { raw } = this.#reply;
    raw.once('close', () => closed.abort());
    void this.#clock.sleep(CLOSING_MS, closed.signal).then(() => raw.destroy());
  }

  override _read(): void {}
}
