import type { Static, TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { PerchError } from '../base/errors.ts';

const SHOWN_CHARS = 64;

/** `body` as the schema has it. Throws PerchError badInput that names the first field that is not so; never what was in it. */
export function checkedBody<T extends TSchema>(schema: T, body: unknown): Static<T> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PerchError('badInput', 'the body is not a JSON object');
  }
  if (Check(schema, body)) {
    return body;
  }
  const [first] = Errors(schema, body);
  const [field = ''] = first?.instancePath.slice(1).split('/') ?? [];
  const shown = field.slice(0, SHOWN_CHARS);
  if (first?.keyword === 'boolean') {
    throw new PerchError('badInput', `unknown field '${shown}'`);
  }
  // What may be one of several things fits none of them: the first complaint would be about the first of them alone.
  const isChoice = first?.schemaPath.includes('/anyOf/') === true;
  const message = isChoice ? 'is none of what it may be' : (first?.message ?? 'is not what was expected');
  throw new PerchError('badInput', `${shown === '' ? 'the body' : shown} ${message}`);
}
