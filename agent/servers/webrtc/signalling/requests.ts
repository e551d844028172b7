import type { FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import { shownPeer } from '../../../base/network/ip-address.ts';
import type { HttpAccess } from '../../../protocols/contract.ts';
import type { WebRtcServer } from '../server/server.ts';
import type { Requester } from '../session/session.ts';

type SignallingAccess = Pick<HttpAccess, 'require' | 'identify' | 'limitedPerson'>;

export interface SignallingOptions {
  readonly server: WebRtcServer;
  readonly access: SignallingAccess;
  /** Whether the path is configured. Default: all paths exist. */
  readonly isConfigured?: (path: string) => boolean;
  /** STUN and TURN servers for browsers (`webrtcICEServers2`). */
  readonly iceServers: readonly IceServer[];
  /** Creates the hook for preflights and allowed origins. */
  readonly cors: (
    methods: string,
    headers: string,
  ) => (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
}

export interface IceServer {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** The query without `?`, as sent. */
export function queryOf(request: FastifyRequest): string {
  return request.url.split(/\?(.*)/s)[1] ?? '';
}

export function bodyOf(request: FastifyRequest): string {
  return String(request.body ?? '');
}

export function requesterOf(request: FastifyRequest, access: SignallingAccess, path: string): Requester {
  const { ip, user, sessionUser, request: facts } = access.identify(request);
  return {
    id: facts?.id ?? undefined,
    path,
    query: queryOf(request),
    remoteAddr: shownPeer(ip, request.socket.remotePort ?? 0),
    userAgent: request.headers['user-agent'] ?? '',
    user: user ?? sessionUser ?? '',
  };
}

/** @param type in lower case; parameters after a semicolon are ignored */
export function requireType(request: FastifyRequest, type: string): void {
  const given = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (given !== type) {
    throw new PerchError('badInput', 'invalid Content-Type');
  }
}

/** The user fragment of a trickle ICE fragment, RFC 8840 §9. Candidates are ignored. @throws PerchError badInput */
export function ufragOf(fragment: string): string | undefined {
  const lines = fragment.split(/\r\n|\n/).filter((line) => line !== '');
  if (lines.length === 0 || !lines.every((line) => /^[a-z]=/.test(line))) {
    throw new PerchError('badInput', 'the body is not an SDP fragment');
  }
  const ufrag = lines
    .find((line) => line.startsWith('a=ice-ufrag:'))
    ?.slice('a=ice-ufrag:'.length)
    .trim();
  // RFC 8839 §5.4.
  if (ufrag !== undefined && !/^[\w+/-]{4,256}$/.test(ufrag)) {
    throw new PerchError('badInput', `'${ufrag.slice(0, 40)}' is not an ICE user fragment`);
  }
  // Copied: V8 substrings keep their whole text alive, and this one lives as long as the session.
  return ufrag === undefined ? undefined : Buffer.from(ufrag, 'latin1').toString('latin1');
}
