import type { FastifyRequest } from 'fastify';
import { PerchError } from '../../../base/errors.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The rest of the URL of a route that ends in `*`: a name, which may contain slashes. */
export function pathName({ params }: FastifyRequest): string {
  const name = (params as { readonly '*'?: string })['*'] ?? '';
  if (name === '') {
    throw new PerchError('badInput', 'invalid name');
  }
  return name;
}

/** The `:id` of a route. */
export function idOf({ params }: FastifyRequest): string {
  const { id = '' } = params as { readonly id?: string };
  if (!UUID.test(id)) {
    throw new PerchError('badInput', `invalid UUID '${id}'`);
  }
  return id.toLowerCase();
}
