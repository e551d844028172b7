import type { FastifyInstance, FastifyReply } from 'fastify';
import Type from 'typebox';

/** Response to a change without further results. */
export const OkAnswer = Type.Object({ status: Type.Literal('ok') });
export const OK = { status: 'ok' } as const;

export const ErrorAnswer = Type.Object({
  status: Type.Literal('error'),
  error: Type.String({ description: 'What went wrong.' }),
  why: Type.Optional(
    Type.String({
      description:
        'The reason in one word, if it has one: `paused` (the camera), `busy`, `taken` (the name), `limit` (the maximum is reached), `byVariable`, `codeNeeded`, `wrongCode`, `wrongPasskey`, `noPasskeysHere` and `last` (of the second factor), `notWritten` (the configuration file: its disk is full or failing), `brokenFile` (the file is not YAML and must be repaired before it can be changed), `noBackup`, `damaged` and `laterVersion` (of a backup), those of the network for cameras, `boxAway`, `boxRefuses`, `boxFault` and `boxUnknown` (of a path on another box).',
    }),
  ),
  since: Type.Optional(Type.String({ description: 'With `boxAway` and `boxRefuses`: since when, RFC 3339.' })),
});

/** Replies of these routes are not cached. */
export function noStore(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply) => {
    reply.header('Cache-Control', 'no-store');
  });
}

interface SentFile {
  /** Letters, digits, dots and dashes. */
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

/** Sends a file as a download, without caching. */
export const sendFile = (reply: FastifyReply, { name, type, bytes }: SentFile): FastifyReply =>
  reply
    .header('Cache-Control', 'no-store')
    .header('Content-Disposition', `attachment; filename="${name}"`)
    .type(type)
    .send(bytes);
