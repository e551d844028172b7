import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { isWanted, type LogFilter, type LogLine, type LogLines } from '../../../base/log-lines.ts';
import { LOG_LEVELS, type LogLevel } from '../../../base/log-text.ts';
import type { HttpAccess } from '../../auth/access.ts';
import { noStore } from '../../messages/responses.ts';
import type { EventStreams } from '../recordings/event-stream.ts';
import { answers, OrNull, operation, TimeText } from '../schema/schemas.ts';

const DEFAULT_LIMIT = 200;
const MAX_PER_ANSWER = 1_000;

interface LogRoutesOptions {
  readonly access: Pick<HttpAccess, 'require' | 'ip'>;
  readonly lines: Pick<LogLines, 'find'>;
  readonly streams: Pick<EventStreams<LogLine>, 'open'>;
}

const FILTER = {
  level: Type.Optional(Type.Enum([...LOG_LEVELS], { description: 'This level and more severe ones. Default: all.' })),
  path: Type.Optional(Type.String({ description: 'Lines of one camera only.' })),
  text: Type.Optional(Type.String({ description: 'Part of the line, in upper or lower case.' })),
  viewers: Type.Optional(
    Type.Enum(['yes', 'no'], { default: 'yes', description: 'no: leaves out viewers that connect and disconnect.' }),
  ),
};
const Line = Type.Object({
  number: Type.Integer({ description: 'Counted from the start of Perch.' }),
  time: TimeText,
  level: Type.Enum([...LOG_LEVELS]),
  path: OrNull(Type.String()),
  text: Type.String(),
});
export type LogItem = Static<typeof Line>;
const Page = Type.Object({
  items: Type.Array(Line, { description: 'Newest first.' }),
  before: OrNull(Type.Integer({ description: 'Value of `before` for the next older lines. null: there are none.' })),
});

/** The most recent lines of the log, for the owner, on the main port only. */
export const logRoutes: FastifyPluginAsync<LogRoutesOptions> = async (app, { access, lines, streams }) => {
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  noStore(app);

  const paging = {
    before: Type.Optional(Type.Integer({ minimum: 1, description: 'Lines with a smaller number.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PER_ANSWER, default: DEFAULT_LIMIT })),
  };
  const list = operation('box', 'The most recent lines of the log, for the owner', answers(Page, 400), {
    querystring: Type.Object({ ...FILTER, ...paging }),
  });
  app.get('/v3/log', { schema: list }, ({ query }) => {
    const limit = wholeNumber(query, 'limit', MAX_PER_ANSWER) ?? DEFAULT_LIMIT;
    const before = wholeNumber(query, 'before', Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY;
    // One more shows whether there are older lines.
    const found = lines.find(filterOf(query), before, limit + 1);
    const items = found.slice(0, limit).map(({ data }) => JSON.parse(data) as object);
    return { items, before: found.length > limit ? (found[limit - 1]?.number ?? null) : null };
  });

  const live = operation(
    'box',
    'The log as it is written, as server-sent events, for the owner',
    answers(Type.String(), 400, 429),
    {
      description:
        'Events are named `line` and have the fields of an item of `/v3/log`. `Last-Event-ID` resumes after a disconnect.',
      querystring: Type.Object(FILTER),
      produces: { 200: 'text/event-stream' },
    },
  );
  app.get('/v3/log/live', { schema: live }, (request, reply) => {
    const filter = filterOf(request.query);
    const id = request.headers['last-event-id'];
    const lastId = typeof id === 'string' ? id.slice(0, 64) : undefined;
    const mayStill = () => access.require(request, 'admin', '');
    return (
      reply
        .type('text/event-stream; charset=utf-8')
        // nginx buffers answers of some kilobytes otherwise.
        .header('X-Accel-Buffering', 'no')
        .send(streams.open(access.ip(request), (line) => isWanted(line, filter), lastId, mayStill))
    );
  });
};

type Query = Readonly<Record<string, unknown>>;

function filterOf(query: unknown): LogFilter {
  const [level, path, text] = ['level', 'path', 'text'].map((key) => wordOf(query, key));
  if (level !== undefined && !isLevel(level)) {
    throw new PerchError('badInput', `invalid level '${level.slice(0, 64)}': known are ${LOG_LEVELS.join(', ')}`);
  }
  const viewers = wordOf(query, 'viewers') ?? 'yes';
  if (viewers !== 'yes' && viewers !== 'no') {
    throw new PerchError('badInput', `invalid viewers '${viewers.slice(0, 64)}': known are yes, no`);
  }
  return { level, path, text, isWithoutViewers: viewers === 'no' };
}

const isLevel = (word: string): word is LogLevel => (LOG_LEVELS as readonly string[]).includes(word);

function wholeNumber(query: unknown, key: string, most: number): number | undefined {
  const text = wordOf(query, key);
  const number = Number(text);
  if (text !== undefined && !(/^\d{1,16}$/.test(text) && number >= 1 && number <= most)) {
    throw new PerchError('badInput', `invalid ${key} '${text.slice(0, 64)}': a number from 1 to ${most}`);
  }
  return text === undefined ? undefined : number;
}

/** The first value of the parameter; undefined if empty. */
function wordOf(query: unknown, key: string): string | undefined {
  const [word] = [(query as Query)[key]].flat();
  return typeof word === 'string' && word !== '' ? word : undefined;
}
