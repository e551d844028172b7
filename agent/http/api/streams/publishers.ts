import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import type { SessionTables } from '../../../protocols/contract.ts';
import { OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { answers, IdParams } from '../schema/schemas.ts';
import { kickPublisher, publishersOf } from './audience.ts';
import type { PathLookup } from './paths.ts';

interface PublisherRoutesOptions {
  readonly paths: PathLookup;
  readonly sessions: SessionTables;
}

/** `/publishers`: who sends to this device, whatever the protocol. */
export const publisherRoutes: FastifyPluginAsync<PublisherRoutesOptions> = async (app, { paths, sessions }) => {
  const tags = ['paths'];
  const protocols = sessions.kinds.flatMap(({ noun, protocol }) => (noun === 'session' ? [protocol] : []));
  const publisher = Type.Object({
    path: Type.String(),
    clientId: Type.String(),
    protocol: Type.Enum(protocols),
  });
  const list = { summary: 'Publishers of this device', tags, response: answers(Type.Array(publisher)) };
  app.get('/publishers/list', { schema: list }, async () => publishersOf(paths.list(), sessions));

  const kick = {
    summary: 'Disconnect a publisher; clientId as in the list',
    tags,
    params: IdParams,
    response: answers(OkAnswer, 400, 404),
  };
  app.post('/publishers/kick/:id', { schema: kick }, (request) => {
    kickPublisher(paths.list(), idOf(request), sessions);
    return { status: 'ok' };
  });
};
