import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isByTls } from './request-origin.ts';

/** What is for those who have no https yet, and for supervisors, which follow nobody; and what is no path of this host. */
const STAYS = /^(?:[^/]|\/(?:health|trust)(?:[/?]|$))/;
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?$/i;
const HTTPS_PORT = 443;
/** Long enough to be of use, short enough to get over a certificate that was not renewed. */
const INSIST_S = 30 * 86_400;

export interface SecurePort {
  /** The port of https, while browsers are to be sent there. */
  port(): number | undefined;
  /** The browser speaks https already, to a proxy that is trusted. */
  isSecure(request: FastifyRequest): boolean;
}

/**
 * Sends browsers from plain http on to https. Only what is asked for with GET and HEAD: whatever else came has shown its contents
 * already, and scripts that send it follow nobody. 307, because the choice may be taken back.
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
 * Tells browsers that come by TLS to Perch itself to use https alone from now on (RFC 6797). Only where the certificate is one that
 * they will trust whatever happens to this box, and where https is on its usual port: they keep any other port when they turn http
 * into https, and would knock where plain http is spoken.
 */
export function insistOnTls(app: FastifyInstance, may: () => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    const host = request.headers.host ?? String(request.headers[':authority'] ?? '');
    if (isByTls(request.raw) && may() && HOST.exec(host)?.[1] === host) {
      reply.header('Strict-Transport-Security', `max-age=${INSIST_S}`);
    }
  });
}
