import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import type { PairedServers } from '../../../auth/pairing/paired-servers.ts';
import { PerchError } from '../../../base/errors.ts';
import { answers, OrNull, operation } from '../../../http/api/schema/schemas.ts';
import { serverOf } from '../../../http/auth/signed-requests.ts';
import { noStore } from '../../../http/messages/responses.ts';

/** Of a box. */
export const HAND_OUT_PATH = '/v3/pairedservers/fleet';
const TAG = 'boxes';
export const MAX_ERROR_CHARS = 400;
/** The first error of a box that has just got its credential. */
export const NOT_YET = 'not connected yet';

export const MembershipAnswer = Type.Object({
  key: Type.String({ pattern: '^U[A-Z2-7]{55}$', description: 'Public key of the next credential.' }),
  account: OrNull(Type.String({ maxLength: 64, description: 'Public key of its fleet; null: it has no credential.' })),
  error: OrNull(
    Type.String({
      maxLength: MAX_ERROR_CHARS,
      description: 'Why it is not on the bus; null: it is, or has no credential.',
    }),
  ),
});
export type MembershipAnswer = Static<typeof MembershipAnswer>;

interface HandOutRoutesOptions {
  readonly servers: Pick<PairedServers, 'item'>;
  read(): Promise<MembershipAnswer>;
  /** @param part unchecked @param server id of the paired server @throws PerchError */
  take(part: unknown, server: string): Promise<MembershipAnswer>;
}

/** The credential of this box, for paired servers that have the right. */
export function handOutRoutes(app: FastifyInstance, { servers, read, take }: HandOutRoutesOptions): void {
  noStore(app);
  app.addHook('onRequest', async (request: FastifyRequest) => {
    const server = servers.item(serverOf(request) ?? '');
    if (!server) {
      throw new PerchError('unauthorized', 'only for paired servers: the request needs their signature');
    }
    if (!server.fleet) {
      throw new PerchError('unauthorized', 'this box does not let the server hand it a credential of a fleet', {
        why: 'right',
      });
    }
  });
  const key = operation(TAG, 'The key of this box for a fleet', answers(MembershipAnswer, 503));
  app.get(HAND_OUT_PATH, { schema: key }, read);
  const hand = operation(TAG, 'Hands this box a credential of its fleet', answers(MembershipAnswer, 400, 503));
  // A credential has the PEM of an authority at most.
  app.post(HAND_OUT_PATH, { bodyLimit: 1 << 18, schema: hand }, (request) =>
    take(request.body, serverOf(request) ?? ''),
  );
}
