import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { isNamedOrigin } from '../listener/cors.ts';
import { type HttpAccess, SAFE_METHODS } from './access.ts';
import { mediaTypeOf } from './credentials.ts';
import { namesPage } from './request-origin.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Players and publishers in foreign pages use the route, so it must accept only credentials that browsers do not add. */
    readonly isForAnySite?: boolean;
  }
}

const JSON_TYPE = 'application/json';

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
