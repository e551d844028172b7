import type { FastifyReply } from 'fastify';

/** Aborts when the client has left before the answer. */
export function clientSignal({ raw }: FastifyReply): AbortSignal {
  const left = new AbortController();
  raw.once('close', () => {
    if (!raw.writableEnded) {
      left.abort();
    }
  });
  return left.signal;
}
