import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { isPrivateIp } from '../../base/network/ip-address.ts';
import { isNamedOrigin } from '../listener/cors.ts';
import { type HttpAccess, SAFE_METHODS } from './access.ts';
import { mediaTypeOf } from './credentials.ts';
import { isByTls, namesPage } from './request-origin.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Players and publishers in foreign pages use the route, so it must accept only credentials that browsers do not add. */
    readonly isForAnySite?: boolean;
  }
}

const JSON_TYPE = 'application/json';
/** Exempt from the redirect: pages for clients without https, supervisors and authorities (RFC 8555 §8.3), and other forms of targets. */
const STAYS = /^(?:[^/]|\/(?:health|trust|\.well-known\/acme-challenge)(?:[/?]|$))/;
const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?$/i;
const HTTPS_PORT = 443;
/** Longest `max-age` of HSTS: long enough to be useful, short enough for an expired certificate to be survived. */
const INSIST_S = 30 * 86_400;

interface SecurePort {
  /** The https port while the redirect is on. */
  port(): number | undefined;
  /** The browser uses https already, to a trusted proxy. */
  isSecure(request: FastifyRequest): boolean;
}

/**
 * Rejects changes by foreign pages: browsers add cookies, stored credentials and their network's address to requests of any page. Own pages
 * and origins of `allowOrigins` are permitted. Applies to all routes registered later, before other hooks.
 */
export function refuseForeignChanges(
  app: FastifyInstance,
  access: Pick<HttpAccess, 'origin'>,
  allowOrigins: () => readonly string[],
): void {
  app.addHook('onRequest', async (request) => {
    const { method, headers, routeOptions } = request;
    // Programs are exempt: `curl -d` declares JSON as a form.
    if (SAFE_METHODS.has(method) || routeOptions.config?.isForAnySite === true || !namesPage(headers)) {
      return;
    }
    const { ip, isForeign } = access.origin(request);
    if (isForeign && !isNamedOrigin(headers.origin, allowOrigins())) {
      throw new PerchError('unauthorized', 'this request comes from a page of another site', { ip });
    }
    checkType(request);
  });
}

/** Forms cannot send this type, and pages only after a preflight. Routes for files (`consumes`) accept only their types. */
function checkType({ headers, routeOptions }: FastifyRequest): void {
  const hasBody = Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined;
  const type = mediaTypeOf(headers);
  if ((hasBody || type !== '') && type !== JSON_TYPE && routeOptions.schema?.consumes === undefined) {
    throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(type);
  }
}

/**
 * Logs an untrusted proxy once, with the key that would trust it: until then one client can use up the limits of the address. Only for
 * private addresses, because any client outside can send such headers.
 */
export function warnOfUnknownProxy(
  app: FastifyInstance,
  access: Pick<HttpAccess, 'origin'>,
  key: string,
  log: Pick<Logger, 'warn'>,
): void {
  let isLogged = false;
  app.addHook('onRequest', async (request) => {
    const { headers } = request;
    // The common case, because players fetch many parts a second.
    if (isLogged || (headers['x-forwarded-for'] ?? headers.forwarded ?? headers['x-real-ip']) === undefined) {
      return;
    }
    const { ip, isUnknownProxy } = access.origin(request);
    if (isUnknownProxy && isPrivateIp(ip)) {
      isLogged = true;
      log.warn({ proxy: ip, key }, 'clients of a proxy count as one address: add the proxy to this key');
    }
  });
}

/** Adds a proxy's folder (`X-Forwarded-Prefix`) to addresses of redirects and sessions, the only absolute ones in replies. */
export function keepPrefix(app: FastifyInstance, access: Pick<HttpAccess, 'origin'>): void {
  app.addHook('onSend', async (request, reply) => {
    const location = reply.getHeader('location');
    if (typeof location === 'string' && /^\/(?!\/)/.test(location)) {
      reply.header('location', access.origin(request).prefix + location);
    }
  });
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
 * port: browsers keep other ports when they change http to https. Not beyond the end of the certificate: nobody can pass the warning then.
 * @param lastsS how long the certificate of the host is valid; 0: it is none of a public authority
 */
export function insistOnTls(app: FastifyInstance, lastsS: (host: string) => number): void {
  app.addHook('onRequest', async (request, reply) => {
    const host = request.headers.host ?? String(request.headers[':authority'] ?? '');
    const seconds = isByTls(request.raw) && HOST.exec(host)?.[1] === host ? Math.min(lastsS(host), INSIST_S) : 0;
    if (seconds > 0) {
      reply.header('Strict-Transport-Security', `max-age=${seconds}`);
    }
  });
}
