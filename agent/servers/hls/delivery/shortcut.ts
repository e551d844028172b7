import type { IncomingMessage, ServerResponse } from 'node:http';
import { countShortcut, hasBody } from '../../../http/listener/pre-login.ts';
import type { PathRoutes } from '../../../protocols/contract.ts';
import type { HlsRendition, MediaFile } from '../contracts/hls-muxer.ts';
import { ENDED, type Fault } from './blocking-reloads.ts';
import { type Directives, standing } from './directives.ts';
import type { Exchange, Head } from './send.ts';
import type { Admitted, SessionAccess } from './session-access.ts';

interface PlayerDelivery {
  readonly access: Pick<SessionAccess, 'admitByCookie'>;
  sendPlaylist(exchange: Exchange, admitted: Admitted, rendition: HlsRendition, directives: Directives): void;
  writeFile(exchange: Exchange, admitted: Admitted, file: MediaFile): void;
  wait(admitted: Admitted, rendition: HlsRendition, isThere: () => boolean): Promise<Fault | undefined>;
}

interface ShortcutOptions {
  /** Prefix of all addresses. */
  readonly prefix: string;
  readonly delivery: PlayerDelivery;
  readonly allowOrigins: () => readonly string[];
  readonly others: PathRoutes | undefined;
  /** Answers what the shortcut cannot. */
  readonly fallBack: (request: IncomingMessage, response: ServerResponse) => void;
}

/** What a player requests several times a second: a media playlist, or a part, segment or init file. */
interface FrequentRequest {
  /** Address below the prefix, without query. */
  readonly address: string;
  readonly path: string;
  readonly rendition: string | undefined;
  readonly file: string | undefined;
  readonly directives: Directives;
}

/** Addresses without escapes, which Fastify would decode. */
const ADDRESS =
  /^([\w./~-]+)\/(?:((?:video|audio)\d+|main)_stream\.m3u8|([0-9a-f]{12}_[\w]+\.(?:mp4|ts)))(?:\?_HLS_msn=(\d{1,15})(?:&_HLS_part=(\d{1,15}))?(?:&_HLS_skip=(YES|v2))?)?$/;
/** With these headers hooks or other rules apply, so the route answers the request. */
const SPECIAL = [
  'authorization',
  'origin',
  'range',
  'x-forwarded-for',
  'forwarded',
  'x-real-ip',
  'perch-forwarded',
] as const;

/**
 * Answers the requests of players that have a session in a cookie, with the bytes that the route would send. All else,
 * and everything that fails, is left to the route.
 */
export function playerShortcut({ prefix, delivery, allowOrigins, others, fallBack }: ShortcutOptions) {
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const wanted = isPlain(request) ? parse(request.url ?? '', prefix) : undefined;
    if (!wanted || others?.takes(wanted.address)) {
      return false;
    }
    const admitted = admit(delivery, request, wanted.path);
    const rendition = admitted?.muxer.renditions.find(({ name }) => name === wanted.rendition);
    const file = wanted.file === undefined ? undefined : admitted?.muxer.file(wanted.file);
    if (!admitted || !(rendition || file)) {
      return false;
    }
    const exchange = { request, response, headers: headersOf(allowOrigins()) };
    if (file) {
      countShortcut(request, response);
      delivery.writeFile(exchange, admitted, file);
      return true;
    }
    return rendition !== undefined && answerPlaylist(exchange, admitted, rendition, wanted.directives);
  };

  function answerPlaylist(
    exchange: Exchange,
    admitted: Admitted,
    rendition: HlsRendition,
    directives: Directives,
  ): boolean {
    const { request, response } = exchange;
    const isThere = () => standing(rendition, directives) === 'there';
    if (isTooFar(rendition, directives)) {
      return false;
    }
    countShortcut(request, response);
    if (isThere()) {
      delivery.sendPlaylist(exchange, admitted, rendition, directives);
      return true;
    }
    delivery
      .wait(admitted, rendition, isThere)
      .then((fault) => {
        if (fault === ENDED) {
          fallBack(request, response);
        } else if (fault) {
          sendFault(exchange, fault);
        } else {
          delivery.sendPlaylist(exchange, admitted, rendition, directives);
        }
      })
      .catch(() => (response.headersSent ? response.destroy() : fallBack(request, response)));
    return true;
  }
}

function isPlain(request: IncomingMessage): boolean {
  const { headers } = request;
  for (let i = 0; i < SPECIAL.length; i += 1) {
    if (headers[SPECIAL[i] as string] !== undefined) {
      return false;
    }
  }
  return headers.cookie !== undefined && !hasBody(request) && headers['user-agent']?.startsWith('Lavf/') !== true;
}

function parse(url: string, prefix: string): FrequentRequest | undefined {
  const match = url.startsWith(`${prefix}/`) ? ADDRESS.exec(url.slice(prefix.length + 1)) : null;
  if (!match) {
    return undefined;
  }
  const [whole = '', path = '', rendition, file, msn, part, skip] = match;
  const directives: Directives = {
    msn: msn === undefined ? undefined : Number(msn),
    part: part === undefined ? undefined : Number(part),
    skip: skip === 'YES' ? 'yes' : skip === 'v2' ? 'v2' : 'no',
  };
  const [address = ''] = whole.split('?', 1);
  return { address, path, rendition, file, directives };
}

/** @returns undefined if the route decides, or rejects the request with the reason */
function admit(delivery: PlayerDelivery, request: IncomingMessage, path: string): Admitted | undefined {
  try {
    const admitted = delivery.access.admitByCookie(request, path);
    const { chromium, knownInits, renumbering } = admitted?.session ?? {};
    return chromium || knownInits?.size || renumbering?.isOn ? undefined : admitted;
  } catch {
    // The server is restarting.
    return undefined;
  }
}

function isTooFar(rendition: HlsRendition, directives: Directives): boolean {
  try {
    standing(rendition, directives);
    return false;
  } catch {
    return true;
  }
}

/** Headers as the hook of `cors` sets them for a request without an origin. */
const headersOf = (allowOrigins: readonly string[]): Head =>
  allowOrigins.includes('*') ? { 'access-control-allow-origin': '*', vary: 'Origin' } : {};

function sendFault({ response, headers }: Exchange, { status, error }: Fault): void {
  const body = JSON.stringify({ status: 'error', error });
  const type = 'application/json; charset=utf-8';
  const own = { 'cache-control': 'no-store', 'content-type': type, 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...own });
  response.end(body);
}
