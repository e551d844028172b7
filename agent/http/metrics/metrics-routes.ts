import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PathLookup } from '../api/streams/paths.ts';
import type { PeerLookups } from '../api/streams/session-routes.ts';
import { type BoxFacts, writeBox } from './box-metrics.ts';
import { FILTERS, type Item, MEDIA_KINDS, pathRow } from './media-kinds.ts';
import { writeKind } from './media-metrics.ts';
import { MetricsText } from './metrics-text.ts';

export interface MetricsOptions {
  readonly access: { require(request: FastifyRequest, action: 'metrics', path: string): Promise<void> };
  /** Answers preflights, and lets the configured origins in. */
  readonly cors: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
  readonly paths: PathLookup;
  readonly peers: PeerLookups;
  readonly box: BoxFacts;
}

/** What `cors` is to allow. */
export const METRICS_METHODS = 'OPTIONS, GET';
export const METRICS_HEADERS = 'Authorization';

/** Of what only Perch tells. */
const OWN_TYPE = 'perch';
const TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** Prometheus says which versions of the format it reads; programs made for MediaMTX do not. */
const READS_DESCRIPTIONS = /openmetrics|text\/plain\s*;\s*version=/i;

/**
 * `GET /metrics` for Prometheus: MediaMTX's names, order and filters, then Perch's own. Each metric is described and stands in one
 * piece where the request's `Accept` names the format, or its query says `help`.
 *
 * @param isAlone nothing else is on this listener: then unknown addresses need the permission as well, as in MediaMTX
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
  app.get('/metrics', (request, reply) =>
    reply.type(TYPE).header('Cache-Control', 'no-store').send(answer(request, options)),
  );
  // Preflights are answered by the hook, which runs only where there is a route.
  app.options('/metrics', (_, reply) => reply.callNotFound());
}

function answer({ query, headers }: FastifyRequest, { paths, peers, box }: MetricsOptions): string {
  const asked = (name: string): string => {
    const value = (query as Readonly<Record<string, unknown>>)[name];
    return String((Array.isArray(value) ? value[0] : value) ?? '');
  };
  const isHelpWanted = Object.hasOwn(query as object, 'help') || READS_DESCRIPTIONS.test(headers.accept ?? '');
  const text = new MetricsText(isHelpWanted);
  const type = asked('type');
  const isFiltered = FILTERS.some((name) => asked(name) !== '');
  const all = paths.list().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const lists: Readonly<Record<string, readonly Item[] | undefined>> = {
    paths: all.map(pathRow),
    forward_dests: type === 'forward_dests' && !isFiltered ? [] : undefined,
    hls_sessions: itemsOf(peers.hlsSessions()),
    hls_muxers: itemsOf(peers.hlsMuxers())?.map((muxer) => ({ ...muxer, name: muxer['path'] })),
    rtsp_conns: itemsOf(peers.rtspConns()),
    rtsp_sessions: itemsOf(peers.rtspSessions()),
    rtsps_conns: itemsOf(peers.rtspsConns()),
    rtsps_sessions: itemsOf(peers.rtspsSessions()),
    webrtc_sessions: itemsOf(peers.webrtcSessions()),
  };
  for (const kind of MEDIA_KINDS) {
    const items = lists[kind.type];
    const only = asked(kind.filter);
    if (items && (type === '' || type === kind.type) && (!isFiltered || only !== '')) {
      writeKind(text, kind, items, only);
    }
  }
  if (type === OWN_TYPE || (type === '' && !isFiltered)) {
    writeBox(text, box, all, asked('path'));
  }
  return text.toString();
}

/** Oldest first; undefined: what makes them is switched off. */
function itemsOf(lookup: { list(): readonly { readonly created: string }[] } | undefined): readonly Item[] | undefined {
  const items = lookup?.list().toSorted((a, b) => Date.parse(a.created) - Date.parse(b.created));
  return items as readonly object[] as readonly Item[] | undefined;
}
