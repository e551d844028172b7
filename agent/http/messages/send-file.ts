import type { FastifyReply } from 'fastify';

interface SentFile {
  /** Letters, digits, dots and dashes. */
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

/** For downloads, without caching. */
export const sendFile = (reply: FastifyReply, { name, type, bytes }: SentFile): FastifyReply =>
  reply
    .header('Cache-Control', 'no-store')
    .header('Content-Disposition', `attachment; filename="${name}"`)
    .type(type)
    .send(bytes);
