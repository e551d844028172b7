import type { FastifyInstance } from 'fastify';
import type { HttpAccess } from './access.ts';

/**
 * Below a proxy's folder (`X-Forwarded-Prefix`) the addresses of redirects and sessions begin with it: nothing else that is
 * answered names addresses from the root on.
 */
export function keepPrefix(app: FastifyInstance, access: Pick<HttpAccess, 'origin'>): void {
  app.addHook('onSend', async (request, reply) => {
    const location = reply.getHeader('location');
    if (typeof location === 'string' && /^\/(?!\/)/.test(location)) {
      reply.header('location', access.origin(request).prefix + location);
    }
  });
}
