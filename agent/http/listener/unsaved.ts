import type { FastifyInstance } from 'fastify';
import { collectUnsaved, unsavedOfCaller } from '../../config/store/unsaved-changes.ts';
import { problemText } from '../../config/yaml/problem.ts';

/** Perch's own header, in answers to requests that have changed the configuration of a file that cannot be written. */
const UNSAVED = 'Perch-Unsaved';
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Adds the header to the answers of requests whose own changes are in effect until the next start only. */
export function announceUnsaved(app: FastifyInstance): void {
  // The last hook before the route's own: bodies have been read, which are events of the connection.
  app.addHook('preValidation', (request, _reply, done) => {
    if (SAFE_METHODS.has(request.method)) {
      done();
    } else {
      collectUnsaved(done);
    }
  });
  app.addHook('onSend', async (_request, reply) => {
    const problem = unsavedOfCaller();
    if (problem) {
      // Header values are ASCII.
      reply.header(
        UNSAVED,
        problemText(problem).replaceAll(/[^ -~]/gu, (one) => encodeURIComponent(one.toWellFormed())),
      );
    }
  });
}
