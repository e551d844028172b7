import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Caller, collectUnsaved } from '../../config/store/unsaved-changes.ts';
import { problemText } from '../../config/yaml/problem.ts';

/** Perch's own header, in answers to requests that have changed the configuration of a file that cannot be written. */
const UNSAVED = 'Perch-Unsaved';
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Adds the header to the answers of requests whose own changes are in effect until the next start only. */
export function announceUnsaved(app: FastifyInstance): void {
  // Not by the context alone: a listener that a change has opened passes the context of that change on to its requests.
  const callers = new WeakMap<FastifyRequest, Caller>();
  // The last hook before the route's own: bodies have been read, which are events of the connection.
  app.addHook('preValidation', (request, _reply, done) => {
    if (SAFE_METHODS.has(request.method)) {
      done();
    } else {
      const caller = {};
      callers.set(request, caller);
      collectUnsaved(caller, done);
    }
  });
  app.addHook('onSend', async (request, reply) => {
    const { problem } = callers.get(request) ?? {};
    if (problem) {
      // Header values are ASCII.
      reply.header(
        UNSAVED,
        problemText(problem).replaceAll(/[^ -~]/gu, (one) => encodeURIComponent(one.toWellFormed())),
      );
    }
  });
}
