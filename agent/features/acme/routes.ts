import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { ErrorAnswer, OK, OkAnswer } from '../../http/messages/responses.ts';
import { CHALLENGE_PATH, type Challenges } from './order/challenges.ts';

const AcmeState = Type.Object({
  state: Type.Enum(['off', 'ordering', 'waiting', 'valid'], {
    description: '`valid`: a certificate for all names that has not expired. `waiting`: there is none.',
  }),
  names: Type.Array(Type.String(), { description: '`acmeDomains`.' }),
  until: OrNull(Type.String({ description: 'End of the present certificate, RFC 3339.' })),
  next: OrNull(Type.String({ description: 'Time of the next attempt or renewal, RFC 3339.' })),
  error: OrNull(Type.String({ description: 'Why the last attempt failed, for people.' })),
  why: OrNull(
    Type.String({
      description:
        'port (80 is taken), clock, file, network, name (DNS), unreachable (port 80 of the name), rejected, limit, authority, or other.',
    }),
  ),
  since: OrNull(TimeText),
});
export type AcmeState = Static<typeof AcmeState>;

export interface AcmeControl {
  readonly state: AcmeState;
  readonly challenges: Challenges;
  /** @throws PerchError badInput while off, exhausted */
  retry(): void;
}

/** For the owner. */
export function acmeRoutes(app: FastifyInstance, acme: AcmeControl): void {
  const state = operation('box', 'Certificate of a public authority', answers(AcmeState));
  app.get('/v3/acme', { schema: state }, async () => acme.state);
  const retry = operation('box', 'Ask for a certificate now, after a failure', answers(OkAnswer, 400, 429));
  app.post('/v3/acme/retry', { bodyLimit: 1_024, schema: retry }, async () => {
    acme.retry();
    return OK;
  });
}

/** For the authority, without a login: the main port may have port 80, or get its requests from a proxy. */
export function challengeRoutes(app: FastifyInstance, challenges: Challenges): void {
  const answer = { 200: Type.String(), 404: ErrorAnswer };
  const schema = operation('box', 'Proof for the authority that issues the certificate (RFC 8555 §8.3)', answer, {
    params: Type.Object({ token: Type.String() }),
    produces: { 200: 'application/octet-stream' },
  });
  app.get(`${CHALLENGE_PATH}:token`, { schema }, async (request, reply) => {
    const text = challenges.find((request.params as { token: string }).token);
    if (text === undefined) {
      throw new PerchError('notFound', 'no such token');
    }
    return reply.header('Cache-Control', 'no-store').type('application/octet-stream').send(text);
  });
}
