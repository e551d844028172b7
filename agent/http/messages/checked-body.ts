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
  // People cannot read a regular expression.
  const meaning = first?.keyword === 'pattern' ? descriptionAt(schema, first.schemaPath) : undefined;
  const message = isChoice
    ? 'has none of the permitted forms'
    : meaning
      ? `has the wrong form (${phraseOf(meaning)})`
      : (first?.message ?? 'is invalid');
  throw new PerchError('badInput', `${shown === '' ? 'the body' : shown} ${message}`);
}

/** A description within a sentence: `Local time, 22:00.` as `local time, 22:00`. */
const phraseOf = (text: string): string =>
  text.replace(/^[A-Z](?![A-Z])/, (first) => first.toLowerCase()).replace(/\.$/, '');

/** @param path `#/properties/name` */
function descriptionAt(schema: object, path: string): string | undefined {
  const found = path
    .split('/')
    .slice(1)
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], schema);
  return (found as { readonly description?: string } | undefined)?.description;
}

/** `/cameras/0/foo` (RFC 6901) as `cameras[0].foo`. */
const placeOf = (pointer: string): string =>
  pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((place, part) => (/^\d+$/.test(part) ? `${place}[${part}]` : `${place}.${part}`));
