import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import type { ViewLog } from '../../../auth/accounts/view-log.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, OrNull, operation, PageQuery, pageOf, TimeText } from '../schema/schemas.ts';

const ViewItem = Type.Object({
  user: Type.String({ description: 'A user, a device, or `guest:` and the id of the link. Empty: not logged in.' }),
  role: Type.Enum(['owner', 'viewer', 'guest', 'device', 'other']),
  camera: Type.String({ description: "The camera's path, for its sub stream as well." }),
  mode: Type.Enum(['live', 'recording']),
  address: Type.String(),
  from: TimeText,
  /** Null: it lasts, or the box lost power before its end. */
  to: OrNull(TimeText),
  running: Type.Boolean(),
});
export type ViewItem = Static<typeof ViewItem>;

interface ViewRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'limitedPerson'>;
  readonly views: Pick<ViewLog, 'list'>;
}

/** Who looked at which camera and when: all for the owner, for viewers their own. On the main port only. */
export const viewRoutes: FastifyPluginAsync<ViewRoutesOptions> = async (app, { access, views }) => {
  const summary = 'Viewing history, newest first: all views for the owner, their own for viewers';
  const schema = operation('users', summary, answers(pageOf(ViewItem), 400), {
    querystring: Type.Object({
      ...PageQuery.properties,
      user: Type.Optional(Type.String({ description: 'One name of `user`.' })),
    }),
  });
  app.get<{ Querystring: { user?: string } }>('/v3/views', { schema }, async (request, reply) => {
    const person = access.limitedPerson(request);
    const isViewer = person?.role === 'viewer';
    if (!isViewer) {
      await access.require(request, 'admin', '');
    }
    reply.header('Cache-Control', 'no-store');
    const items = await views.list(isViewer ? person.name : request.query.user);
    return paginate(
      items.map(({ fromMs, toMs, isRunning, ...item }) => ({
        ...item,
        from: new Date(fromMs).toISOString(),
        to: toMs === null ? null : new Date(toMs).toISOString(),
        running: isRunning,
      })),
      request.query,
    );
  });
};
