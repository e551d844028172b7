import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { MAX_REQUEST_BYTES, parseSoapRequest } from './soap-request.ts';

const REQUEST =
  '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:t="urn:t">' +
  '<s:Header><t:MessageID>urn:uuid:1</t:MessageID></s:Header><s:Body><t:GetStreamUri><t:StreamSetup><t:Stream>x</t:Stream>' +
  '</t:StreamSetup><t:ProfileToken> main </t:ProfileToken></t:GetStreamUri></s:Body></s:Envelope>';
const bytes = (text: string) => new TextEncoder().encode(text);

test('operation and arguments are found whatever the prefixes are', () => {
  const request = parseSoapRequest(bytes(REQUEST));
  expect(request.operation).toBe('GetStreamUri');
  expect(request.argument('ProfileToken')).toBe('main');
  expect(request.argument('MessageID')).toBe('urn:uuid:1');
  expect(request.argument('Other')).toBeUndefined();
});

test.for([
  ['nothing', ''],
  ['no XML', 'GET / HTTP/1.1'],
  ['a cut document', REQUEST.slice(0, -20)],
  ['a document type', REQUEST.replace('<s:Envelope', '<!DOCTYPE a [<!ENTITY b "c">]><s:Envelope')],
  ['an empty body', '<e><Body/></e>'],
  ['a body that is only text', '<e><Body>hello</Body></e>'],
  ['too much', `${REQUEST}${' '.repeat(MAX_REQUEST_BYTES)}`],
  ['endless nesting', '<a>'.repeat(21_000)],
] as const)('refuses %s', ([, text]) => {
  expect(() => parseSoapRequest(bytes(text))).toThrow(PerchError);
});

test('nothing but PerchError comes out of mutated requests', () => {
  const next = random(11);
  for (let i = 0; i < 4000; i += 1) {
    const mutated = bytes(REQUEST);
    for (let j = 0; j < 1 + next() * 4; j += 1) {
      mutated[Math.floor(next() * mutated.length)] = next() < 0.5 ? next() * 256 : '<>/&;"!:'.charCodeAt(next() * 8);
    }
    try {
      parseSoapRequest(mutated.subarray(0, next() < 0.3 ? next() * mutated.length : mutated.length)).argument(
        'ProfileToken',
      );
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
