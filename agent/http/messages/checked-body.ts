import type { Static, TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { PerchError } from '../../base/errors.ts';

const SHOWN_CHARS = 64;

/** Checks `body` against the schema. @throws PerchError badInput with the first invalid field, never its value */
export function checkedBody<T extends TSchema>(schema: T, body: unknown): Static<T> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PerchError('badInput', 'the body is not a JSON object');
  }
  if (Check(schema, body)) {
    return body;
  }
  const [first] = Errors(schema, body);
  const shown = placeOf(first?.instancePath ?? '').slice(0, SHOWN_CHARS);
  if (first?.keyword === 'boolean') {
    throw new PerchError('badInput', `unknown field '${shown}'`);
  }
  // For a union, the first complaint concerns only its first member.
  const isChoice = first?.schemaPath.includes('/anyOf/') === true;
  const message = isChoice ? 'has none of the permitted forms' : (first?.message ?? 'is invalid');
  throw new PerchError('badInput', `${shown === '' ? 'the body' : shown} ${message}`);
}

/** `/cameras/0/foo` (RFC 6901) as `cameras[0].foo`. */
const placeOf = (pointer: string): string =>
  pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((place, part) => (/^\d+$/.test(part) ? `${place}[${part}]` : `${place}.${part}`));
