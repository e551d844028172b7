import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isByTls } from './request-origin.ts';

/** Exempt from the redirect: pages for clients without https, supervisors that follow no redirects, and other forms of targets. */
const STAYS = /^(?:[^/]|\/(?:health|trust)(?:[/?]|$))/;
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?$/i;
const HTTPS_PORT = 443;
/** Long enough to be useful, short enough to survive an expired certificate. */
const INSIST_S = 30 * 86_400;

interface SecurePort {
  /** The https port while the redirect is on. */
  port(): number | undefined;
  /** The browser uses https already, to a trusted proxy. */
  isSecure(request: FastifyRequest): boolean;
}

/**
 * Redirects browsers from plain http to https. Only GET and HEAD: other requests have exposed their contents already, and scripts do not
 * follow. 307, because the setting may be undone.
 */
export function redirectToTls(app: FastifyInstance, secure: SecurePort): void {
  app.addHook('onRequest', async (request, reply) => {
    const port = secure.port();
    const [, host] = HOST.exec(request.headers.host ?? '') ?? [];
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const isThere = isByTls(request.raw) || secure.isSecure(request);
    if (port === undefined || host === undefined || !isRead || STAYS.test(request.url) || isThere) {
      return undefined;
    }
    const where = port === HTTPS_PORT ? host : `${host}:${port}`;
    return reply.header('Cache-Control', 'no-store').redirect(`https://${where}${request.url}`, 307);
  });
}

/**
 * Sends HSTS (RFC 6797) to browsers that come by TLS to Perch itself. Only with a certificate from a public authority, and only on the usual
 * port: browsers keep other ports when they change http to https.
 */
export function insistOnTls(app: FastifyInstance, may: () => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    const host = request.headers.host ?? String(request.headers[':authority'] ?? '');
    if (isByTls(request.raw) && may() && HOST.exec(host)?.[1] === host) {
      reply.header('Strict-Transport-Security', `max-age=${INSIST_S}`);
    }
  });
}
