import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { isNamedOrigin } from '../listener/cors.ts';
import { type HttpAccess, SAFE_METHODS } from './access.ts';
import { mediaTypeOf } from './credentials.ts';
import { namesPage } from './request-origin.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Players and publishers in pages of any site use the route. It has to see to it itself that only a login counts
     * that no browser adds by itself.
     */
    readonly isForAnySite?: boolean;
  }
}

const JSON_TYPE = 'application/json';

/**
 * Refuses what a page of another site has a browser change: a browser adds cookies, stored names and passwords, and the address of
 * its network to whatever any page sends. Pages of ours may, and those of origins that `allowOrigins` names. Holds for every route
 * that is registered afterwards, before any other hook.
 */
export function refuseForeignChanges(
  app: FastifyInstance,
  access: Pick<HttpAccess, 'origin'>,
  allowOrigins: () => readonly string[],
): void {
  app.addHook('onRequest', async (request) => {
    const { method, headers, routeOptions } = request;
    // Other programs may send what they like: `curl -d` calls JSON a form.
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

/** No form sends this type, and no page without asking first. Routes that take files (`consumes`) know no other type than theirs. */
function checkType({ headers, routeOptions }: FastifyRequest): void {
  const hasBody = Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined;
  const type = mediaTypeOf(headers);
  if ((hasBody || type !== '') && type !== JSON_TYPE && routeOptions.schema?.consumes === undefined) {
    throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(type);
  }
}
