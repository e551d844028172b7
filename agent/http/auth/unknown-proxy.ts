import type { FastifyInstance } from 'fastify';
import { isPrivateIp } from '../../base/ip-address.ts';
import type { Logger } from '../../base/log.ts';
import type { HttpAccess } from './access.ts';

/**
 * Logs an untrusted proxy once, with the key that would trust it: until then one client can use up the limits of the address. Only for
 * private addresses, because anyone outside can send such headers.
 */
export function tellOfUnknownProxy(
  app: FastifyInstance,
  access: Pick<HttpAccess, 'origin'>,
  key: string,
  log: Pick<Logger, 'warn'>,
): void {
  let isTold = false;
  app.addHook('onRequest', async (request) => {
    const { headers } = request;
    // The common case, because players fetch many parts a second.
    if (isTold || (headers['x-forwarded-for'] ?? headers.forwarded ?? headers['x-real-ip']) === undefined) {
      return;
    }
    const { ip, isUnknownProxy } = access.origin(request);
    if (isUnknownProxy && isPrivateIp(ip)) {
      isTold = true;
      log.warn({ proxy: ip, key }, 'clients of a proxy count as one address: name it in this key');
    }
  });
}
