import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import { OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { answers, IdParams } from '../schema/schemas.ts';
import { kickPublisher, publishersOf } from './audience.ts';
import type { PathLookup } from './paths.ts';
import type { PeerLookups } from './session-routes.ts';

export interface PublisherRoutesOptions {
  readonly paths: PathLookup;
  readonly peers: PeerLookups;
}

const Publishers = Type.Array(
  Type.Object({
    path: Type.String(),
    clientId: Type.String(),
    protocol: Type.Enum(['rtsp', 'rtsps', 'webrtc', 'hls']),
  }),
);

/** `/publishers`: who sends to this box, whatever the protocol. */
export const publisherRoutes: FastifyPluginAsync<PublisherRoutesOptions> = async (app, { paths, peers }) => {
  const tags = ['paths'];
  const list = { summary: 'Who sends to this box', tags, response: answers(Publishers) };
  app.get('/publishers/list', { schema: list }, async () => publishersOf(paths.list()));

  const kick = {
    summary: 'Ends what somebody sends; clientId as the list tells it',
    ...{ tags, params: IdParams, response: answers(OkAnswer, 400, 404) },
  };
  app.post('/publishers/kick/:id', { schema: kick }, (request) => {
    kickPublisher(paths.list(), idOf(request), peers);
    return { status: 'ok' };
  });
};
