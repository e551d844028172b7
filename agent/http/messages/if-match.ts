import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';

export const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({
      description: "A reply's `ETag`: later changes by others are not overwritten, but reported with 412.",
    }),
  ),
});

/** The tag of `If-Match` (RFC 9110 §13.1.1), or undefined if there is none or it is `*`. */
export function ifMatch({ headers }: FastifyRequest): string | undefined {
  const given = headers['if-match'];
  if (given === undefined || given.trim() === '*') {
    return undefined;
  }
  const [, tag] = /^\s*(?:W\/)?"([\da-f]{16})"\s*$/.exec(given) ?? [];
  if (tag === undefined) {
    throw new PerchError('badInput', `If-Match '${given.slice(0, 64)}' is not the ETag of an answer`);
  }
  return tag;
}

export const entityTag = (tag: string): string => `"${tag}"`;
