import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import { redact } from '../../../base/log.ts';
import type { SessionItem, SessionKind, SessionTable, SessionTables } from '../../../protocols/contract.ts';
import { OK, OkAnswer } from '../../messages/responses.ts';
import { idOf, pathName } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, operation, PageQuery, PathName, pageOf } from '../schema/schemas.ts';

/** List, get and kick of each kind of session. */
export const sessionRoutes: FastifyPluginAsync<{ sessions: SessionTables }> = async (app, { sessions }) => {
  for (const kind of sessions.documented) {
    await app.register(async (inner) => addRoutes(inner, kind, () => sessions.table(kind)));
  }
};

function addRoutes(app: FastifyInstance, kind: SessionKind, lookup: () => SessionTable | undefined): void {
  const { collection, key, noun, labels, itemSchema } = kind;
  existOnlyWhile(app, () => lookup() !== undefined);
  const list = () => (lookup()?.list() ?? []).map(withoutSecrets).toSorted(byCreated);

  const all = operation('sessions', labels.all, answers(pageOf(itemSchema), 400), { querystring: PageQuery });
  app.get(`/${collection}/list`, { schema: all }, ({ query }) => paginate(list(), query));

  const one = operation('sessions', `One ${labels.one}`, answers(itemSchema, 400, 404), {
    params: key === 'path' ? PathName : IdParams,
  });
  app.get(`/${collection}/get/${key === 'path' ? '*' : ':id'}`, { schema: one }, (request) => {
    const value = key === 'path' ? pathName(request) : idOf(request);
    const item = list().find((candidate) => candidate[key ?? 'id'] === value);
    if (!item) {
      throw new PerchError('notFound', `${noun} not found`, { [key ?? noun]: value });
    }
    return item;
  });

  if (key === 'path') {
    return;
  }
  const end = operation('sessions', `Ends one ${labels.one}`, answers(OkAnswer, 400, 404), { params: IdParams });
  app.post(`/${collection}/kick/:id`, { schema: end }, (request) => {
    const id = idOf(request);
    if (!lookup()?.kick?.(id)) {
      throw new PerchError('notFound', `${noun} not found`, { [noun]: id });
    }
    return OK;
  });
}

/** The query of an address may have logged in. */
const withoutSecrets = (item: SessionItem): SessionItem =>
  item.query ? { ...item, query: redact(`?${item.query}`).slice(1) } : item;

/** 404 while the server is switched off. */
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
