import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { noStore } from '../messages/responses.ts';
import type { ProfileKind, Profiler } from './profiler.ts';

interface PprofOptions {
  readonly access: { require(request: FastifyRequest, action: 'pprof' | 'admin', path: string): Promise<void> };
  /** Answers preflights, and permits the configured origins. */
  readonly cors: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
  /** Shared by all listeners. */
  readonly profiler: Profiler;
  /** For file names. */
  wallMs(): number;
}

/** Methods and headers for `cors`. */
export const PPROF_METHODS = 'OPTIONS, GET';
export const PPROF_HEADERS = 'Authorization';

const BASE = '/debug/pprof';
const DEFAULT_SECONDS = 30;
const MAX_SECONDS = 60;

const INDEX = `Profiles of Perch by Node, at MediaMTX's addresses. Open the files with Chrome's developer tools.

${BASE}/profile?seconds=30   CPU: a .cpuprofile of the next seconds (1 to ${MAX_SECONDS})
${BASE}/allocs?seconds=30    allocations of the next seconds: a .heapprofile
${BASE}/heap                 current memory and open resources: JSON; ?gc=1 collects garbage first
${BASE}/heapsnapshot         all objects: a .heapsnapshot, for the owner only. It contains passwords. Perch blocks for seconds,
                             and needs the memory that ${BASE}/heap reports as snapshot.needsBytes
`;

/** Profiles of MediaMTX without an equivalent in Node. */
const ELSEWHERE = 'Node has no profile of this name.';

/**
 * Profiles at MediaMTX's addresses.
 * @param isAlone the only content of this listener: then unknown addresses need the permission as well, as in MediaMTX
 */
export async function mountPprof(app: FastifyInstance, options: PprofOptions, isAlone: boolean): Promise<void> {
  if (isAlone) {
    addRoutes(app, options);
  } else {
    await app.register(async (inner) => addRoutes(inner, options));
  }
}

function addRoutes(app: FastifyInstance, { access, cors, profiler, wallMs }: PprofOptions): void {
  app.addHook('onRequest', cors);
  app.addHook('onRequest', (request) => access.require(request, 'pprof', ''));
  noStore(app);
  const file = (reply: FastifyReply, ending: string): FastifyReply => {
    const name = `perch-${new Date(wallMs()).toISOString().replaceAll(/[:.]/g, '-')}.${ending}`;
    return reply
      .type('application/json; charset=utf-8')
      .header('Content-Disposition', `attachment; filename="${name}"`);
  };
  const taking = (kind: ProfileKind, ending: string) => async (request: FastifyRequest, reply: FastifyReply) => {
    const seconds = secondsOf(request);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    // The client may have left during the authorization.
    if (request.raw.aborted) {
      gone.abort();
    }
    const profile = await profiler.profile(kind, seconds, gone.signal);
    return profile === undefined ? reply.hijack() : file(reply, ending).send(profile);
  };
  // HEAD would take a whole profile.
  const quiet = { exposeHeadRoute: false };
  app.get(`${BASE}/`, (_, reply) => plain(reply, 200, INDEX));
  app.get(`${BASE}/profile`, quiet, taking('cpu', 'cpuprofile'));
  app.get(`${BASE}/allocs`, quiet, taking('heap', 'heapprofile'));
  app.get(`${BASE}/heap`, async (request) => (wantsCollection(request) ? profiler.keptHeap() : profiler.heap()));
  app.get(`${BASE}/heapsnapshot`, quiet, async (request, reply) => {
    await access.require(request, 'admin', '');
    return request.raw.aborted ? reply.hijack() : file(reply, 'heapsnapshot').send(profiler.snapshot());
  });
  app.get(`${BASE}/:name`, (_, reply) => plain(reply, 404, `${ELSEWHERE}\n\n${INDEX}`));
  // Preflights are answered by the hook, which needs a route.
  app.options(`${BASE}/*`, (_, reply) => reply.callNotFound());
}

const plain = (reply: FastifyReply, status: number, text: string): FastifyReply =>
  reply.code(status).type('text/plain; charset=utf-8').send(text);

/** Go's parameter: 0 or absent for false, any other number for true. */
const wantsCollection = ({ query }: FastifyRequest): boolean =>
  /^[1-9]\d{0,8}$/.test(String((query as { readonly gc?: unknown }).gc));

function secondsOf({ query }: FastifyRequest): number {
  const { seconds } = query as { readonly seconds?: unknown };
  if (seconds === undefined) {
    return DEFAULT_SECONDS;
  }
  const value = typeof seconds === 'string' && /^\d{1,3}$/.test(seconds) ? Number(seconds) : 0;
  if (value < 1 || value > MAX_SECONDS) {
    const given = String(seconds).slice(0, 40);
    throw new PerchError('badInput', `invalid seconds: '${given}' is not a whole number from 1 to ${MAX_SECONDS}`);
  }
  return value;
}
