import type { FastifyInstance } from 'fastify';
import type { HttpAccess } from './access.ts';

/** Adds a proxy's folder (`X-Forwarded-Prefix`) to addresses of redirects and sessions, the only absolute ones in replies. */
export function keepPrefix(app: FastifyInstance, access: Pick<HttpAccess, 'origin'>): void {
  app.addHook('onSend', async (request, reply) => {
    const location = reply.getHeader('location');
    if (typeof location === 'string' && /^\/(?!\/)/.test(location)) {
      reply.header('location', access.origin(request).prefix + location);
    }
  });
}
