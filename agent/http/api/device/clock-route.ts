import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { answers, TimeText } from '../schema/schemas.ts';

interface ClockSetting {
  set(toMs: number, signal: AbortSignal): Promise<string>;
}

const Wanted = Type.Object({ time: TimeText }, { description: 'The current time by the clock of the client.' });
const Answer = Type.Object({ status: Type.Literal('ok'), text: Type.String({ description: 'What was done.' }) });

/** `POST /v3/clock`: sets the clock of this device while its time is not known, for the owner, on the main port only. */
export const clockRoute: FastifyPluginAsync<{
  readonly access: Pick<HttpAccess, 'require'>;
  readonly boxClock: ClockSetting;
}> = async (app, { access, boxClock }) => {
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const schema = {
    summary: 'Set the clock of this device while its time is not known, for the owner',
    tags: ['box'],
    body: Wanted,
    response: answers(Answer, 400, 409, 501, 504),
  };
  app.post('/v3/clock', { schema }, async ({ body }) => {
    const text = await boxClock.set(Date.parse(checkedBody(Wanted, body).time), closing.signal);
    return { status: 'ok' as const, text };
  });
};
