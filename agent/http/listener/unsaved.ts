import type { FastifyInstance } from 'fastify';
import { type Problem, problemText } from '../../config/yaml/problem.ts';

/** Perch's own header, in answers to requests that have changed the configuration of a file that cannot be written. */
const UNSAVED = 'Perch-Unsaved';
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** @param unsaved why changes are in effect until the next start; another object after each of them */
export function announceUnsaved(app: FastifyInstance, unsaved: () => Problem | undefined): void {
  const before = new WeakMap<object, object>();
  const none = {};
  app.addHook('onRequest', async (request) => {
    if (!SAFE_METHODS.has(request.method)) {
      before.set(request, unsaved() ?? none);
    }
  });
  app.addHook('onSend', async (request, reply) => {
    const seen = before.get(request);
    const now = seen && unsaved();
    if (now && now !== seen) {
      // Header values are ASCII.
      reply.header(
        UNSAVED,
        problemText(now).replaceAll(/[^ -~]/gu, (one) => encodeURIComponent(one.toWellFormed())),
      );
    }
  });
}
