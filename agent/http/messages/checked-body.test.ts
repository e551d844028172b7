import Type from 'typebox';
import { expect, test } from 'vitest';
import { checkedBody } from './checked-body.ts';

const ITEM = Type.Object({ endpoint: Type.Optional(Type.String()) }, { additionalProperties: false });
const BODY = Type.Object({ cameras: Type.Array(ITEM, { minItems: 1 }) }, { additionalProperties: false });

test.for([
  [{ cameras: [{}], foo: 1 }, "unknown field 'foo'"],
  [{ cameras: [{}, { foo: 1 }] }, "unknown field 'cameras[1].foo'"],
  [{ cameras: [{ 'a/b~': 1 }] }, "unknown field 'cameras[0].a/b~'"],
  [{ cameras: [{ endpoint: 5 }] }, 'cameras[0].endpoint must be string'],
  [{ cameras: [] }, 'cameras must not have fewer than 1 items'],
  [{}, 'the body must have required properties cameras'],
  [[], 'the body is not a JSON object'],
] as const)('%j is rejected with the innermost field and its place', ([body, words]) => {
  expect(() => checkedBody(BODY, body)).toThrow(words);
});

test.for([
  ['Local time, 22:00.', '(local time, 22:00)'],
  ['URL of the browser.', '(URL of the browser)'],
  ['An access token', '(an access token)'],
  ['A host', '(a host)'],
] as const)('a text of the wrong form is rejected with the description %j', ([description, words]) => {
  const schema = Type.Object({ from: Type.String({ pattern: '^\\d$', description }) });
  expect(() => checkedBody(schema, { from: 's3cret' })).toThrow(`from has the wrong form ${words}`);
});

test('field names are shown up to 64 characters, and values never', () => {
  const body = { cameras: [{ [`${'x'.repeat(500)}`]: 's3cret' }] };
  expect(() => checkedBody(BODY, body)).toThrow(/^unknown field 'cameras\[0\]\.x{53}'$/);
});
