import type { FastifyInstance } from 'fastify';
import { isPrivateIp } from '../../base/ip-address.ts';
import type { Logger } from '../../base/log.ts';
import type { HttpAccess } from './access.ts';

/**
 * Says once that a proxy is not believed, and by which key it would be: until then one of its clients can use up what an address
 * may have. Only of proxies nearby: from outside anybody may send such headers.
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
    // Players fetch many parts each second: hardly any of them comes further.
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
