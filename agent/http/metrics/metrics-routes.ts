import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { SessionTable, SessionTables } from '../../protocols/contract.ts';
import type { ForwardLookup } from '../api/streams/forwards.ts';
import type { PathLookup } from '../api/streams/paths.ts';
import { type DeviceFacts, writeDevice } from './device-metrics.ts';
import { type Item, type MediaKinds, mediaKindsOf, pathRow } from './media-kinds.ts';
import { writeKind } from './media-metrics.ts';
import { MetricsText } from './metrics-text.ts';

interface MetricsOptions {
  readonly access: { require(request: FastifyRequest, action: 'metrics', path: string): Promise<void> };
  /** Answers preflights, and permits the configured origins. */
  readonly cors: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
  readonly paths: PathLookup & ForwardLookup;
  readonly sessions: SessionTables;
  readonly box: DeviceFacts;
}

/** Methods and headers for `cors`. */
export const METRICS_METHODS = 'OPTIONS, GET';
export const METRICS_HEADERS = 'Authorization';

/** `?type=` of Perch's own metrics. */
const OWN_TYPE = 'perch';
const TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** Prometheus names the versions of the format that it reads; clients made for MediaMTX do not. */
const READS_DESCRIPTIONS = /openmetrics|text\/plain\s*;\s*version=/i;

/**
 * `GET /metrics` for Prometheus: MediaMTX's names, order and filters, then Perch's own. If `Accept` names the format or the query has
 * `help`, each metric is described and its lines are contiguous.
 * @param isAlone the only content of this listener: then unknown addresses need the permission as well, as in MediaMTX
 */
export async function mountMetrics(app: FastifyInstance, options: MetricsOptions, isAlone: boolean): Promise<void> {
  if (isAlone) {
    addRoutes(app, options);
  } else {
    await app.register(async (inner) => addRoutes(inner, options));
  }
}

function addRoutes(app: FastifyInstance, options: MetricsOptions): void {
  app.addHook('onRequest', options.cors);
  app.addHook('onRequest', (request) => options.access.require(request, 'metrics', ''));
  const kinds = mediaKindsOf(options.sessions.kinds);
  app.get('/metrics', (request, reply) =>
    reply
      .type(TYPE)
      .header('Cache-Control', 'no-store')
      .send(answer(request, options, kinds)),
  );
  // Preflights are answered by the hook, which needs a route.
  app.options('/metrics', (_, reply) => reply.callNotFound());
}

function answer({ query, headers }: FastifyRequest, options: MetricsOptions, kinds: MediaKinds): string {
  const { paths, sessions, box } = options;
  const asked = (name: string): string => {
    const value = (query as Readonly<Record<string, unknown>>)[name];
    return String((Array.isArray(value) ? value[0] : value) ?? '');
  };
  const isHelpWanted = Object.hasOwn(query as object, 'help') || READS_DESCRIPTIONS.test(headers.accept ?? '');
  const text = new MetricsText(isHelpWanted);
  const type = asked('type');
  const isFiltered = kinds.filters.some((name) => asked(name) !== '');
  const all = paths.list().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const itemsOf = ({ type: name, session }: MediaKinds['all'][number]): readonly Item[] | undefined => {
    if (session) {
      return rowsOf(sessions.table(session));
    }
    return name === 'paths' ? all.map(pathRow) : all.flatMap((path) => forwardRows(path.name, paths));
  };
  for (const kind of kinds.all) {
    const items = itemsOf(kind);
    const only = asked(kind.filter);
    if (items && (type === '' || type === kind.type) && (!isFiltered || only !== '')) {
      writeKind(text, kind, items, only);
    }
  }
  if (type === OWN_TYPE || (type === '' && !isFiltered)) {
    writeDevice(text, box, all, asked('path'));
  }
  return text.toString();
}

const forwardRows = (path: string, forwards: ForwardLookup): Item[] =>
  (forwards.forwardsOf(path) ?? []).map((item) => ({ ...item, path }));

/** The sessions of a server, oldest first, or undefined if the server is off. */
function rowsOf(table: SessionTable | undefined): readonly Item[] | undefined {
  const items = table?.list().toSorted((a, b) => Date.parse(a.created) - Date.parse(b.created));
  return items as readonly object[] as readonly Item[] | undefined;
}
