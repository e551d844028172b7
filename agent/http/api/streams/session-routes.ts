import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import type { SessionItem, SessionKind, SessionTable, SessionTables } from '../../../protocols/contract.ts';
import { OkAnswer } from '../../messages/responses.ts';
import { idOf, nameOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, PageQuery, PathName, pageOf } from '../schema/schemas.ts';

const TAGS = ['sessions'];

/** List, get and kick of each kind of session. */
export const sessionRoutes: FastifyPluginAsync<{ sessions: SessionTables }> = async (app, { sessions }) => {
  for (const kind of sessions.documented) {
    await app.register(async (inner) => addRoutes(inner, kind, () => sessions.table(kind)));
  }
};

function addRoutes(app: FastifyInstance, kind: SessionKind, lookup: () => SessionTable | undefined): void {
  const { collection, key, noun, labels, itemSchema } = kind;
  existOnlyWhile(app, () => lookup() !== undefined);
  const list = () => (lookup()?.list() ?? []).toSorted(byCreated);

  const all = {
    summary: labels.all,
    tags: TAGS,
    querystring: PageQuery,
    response: answers(pageOf(itemSchema), 400),
  };
  app.get(`/${collection}/list`, { schema: all }, ({ query }) => paginate(list(), query));

  const one = {
    summary: `One ${labels.one}`,
    tags: TAGS,
    params: key === 'path' ? PathName : IdParams,
    response: answers(itemSchema, 400, 404),
  };
  app.get(`/${collection}/get/${key === 'path' ? '*' : ':id'}`, { schema: one }, (request) => {
    const value = key === 'path' ? nameOf(request) : idOf(request);
    const item = list().find((candidate) => candidate[key ?? 'id'] === value);
    if (!item) {
      throw new PerchError('notFound', `${noun} not found`, { [key ?? noun]: value });
    }
    return item;
  });

  if (key === 'path') {
    return;
  }
  const end = {
    summary: `Ends one ${labels.one}`,
    tags: TAGS,
    params: IdParams,
    response: answers(OkAnswer, 400, 404),
  };
  app.post(`/${collection}/kick/:id`, { schema: end }, (request) => {
    const id = idOf(request);
    if (!lookup()?.kick?.(id)) {
      throw new PerchError('notFound', `${noun} not found`, { [noun]: id });
    }
    return { status: 'ok' };
  });
}

/** The configuration switches off a server while the port of the API stays open. */
function existOnlyWhile(app: FastifyInstance, isOn: () => boolean): void {
  app.addHook('preHandler', async (_request, reply) => {
    if (!isOn()) {
      reply.callNotFound();
      return reply;
    }
    return undefined;
  });
}

const byCreated = (a: SessionItem, b: SessionItem): number => Date.parse(a.created) - Date.parse(b.created);
