import type { FastifyRequest } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import { shownPeer } from '../../../base/ip-address.ts';
import type { Requester } from '../session/session.ts';

/** Who may watch and publish what. */
export interface HttpAccess {
  /** Throws PerchError 'unauthorized'. */
  require(request: FastifyRequest, action: 'read' | 'publish', path: string): Promise<void>;
  identify(request: FastifyRequest): {
    readonly ip: string;
    readonly user?: string;
    readonly sessionUser?: string;
    /** What the session that it opens is to be called. */
    readonly request?: { readonly id: string | null };
  };
}

/** Without `?`, as it was sent. */
export function queryOf(request: FastifyRequest): string {
  return request.url.split(/\?(.*)/s)[1] ?? '';
}

/** Every body is text here. */
export function bodyOf(request: FastifyRequest): string {
  return String(request.body ?? '');
}

export function requesterOf(request: FastifyRequest, access: HttpAccess, path: string): Requester {
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

/** @param type in lower case; what stands behind a semicolon in the request does not matter */
export function requireType(request: FastifyRequest, type: string): void {
  const given = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (given !== type) {
    throw new PerchError('badInput', 'invalid Content-Type');
  }
}

/** The user fragment in a trickled fragment, RFC 8840 §9. Candidates are passed over. Throws for what is no fragment. */
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
  // A copy: V8 has pieces of a text as views into it, and this one is kept as long as the session.
  return ufrag === undefined ? undefined : Buffer.from(ufrag, 'latin1').toString('latin1');
}
