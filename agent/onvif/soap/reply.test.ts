import { expect, test } from 'vitest';
import { mutate } from '../../../test/support/base/mutate.ts';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { troubleOf } from './http/failures.ts';
import { type Expected, readReply, responseOf, type SoapReply } from './reply.ts';
import { complaintOf, isAboutTime, isRefusal, isTokenUnknown, isUnsupported } from './xml/fault.ts';

const EXPECTED: Expected = { camera: '10.0.0.5:80', path: '/onvif', response: 'XResponse' };
const reply = (text: string | Uint8Array, status = 200, contentType?: string): SoapReply =>
  readReply({
    status,
    headers: contentType === undefined ? {} : { 'content-type': [contentType] },
    body: Buffer.from(text),
    isTrusted: undefined,
  });
const soap12 = (codes: string[], reason: string): string => {
  const nested = codes.reduceRight((inner, code) => `<Subcode><Value>ter:${code}</Value>${inner}</Subcode>`, '');
  return `<s:Envelope xmlns:s="x"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value>${nested}</s:Code><s:Reason><s:Text xml:lang="en">${reason}</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>`;
};
const soap11 = (code: string, reason: string): string =>
  `<E:Envelope xmlns:E="x"><E:Body><E:Fault><faultcode>E:${code}</faultcode><faultstring>${reason}</faultstring></E:Fault></E:Body></E:Envelope>`;

test.for([
  ['SOAP 1.2', soap12(['NotAuthorized'], 'sender not authorized'), isRefusal],
  ['SOAP 1.2, two deep', soap12(['InvalidArgs', 'NotAuthorized'], ''), isRefusal],
  ['WS-Security', soap12(['FailedAuthentication'], ''), isRefusal],
  ['SOAP 1.1', soap11('NotAuthorized', ''), isRefusal],
  ['SOAP 1.1 in words alone', soap11('Client', 'Sender not Authorized'), isRefusal],
  ['Dahua', soap12(['NotAuthorized'], 'Wsse authorized time check failed.'), isAboutTime],
  ['an expired message', soap12(['MessageExpired'], ''), isAboutTime],
  ['a token that is not known', soap11('MustUnderstand', 'Security'), isTokenUnknown],
  ['a token that is not known, in words', soap12([], 'Security must be understood'), isTokenUnknown],
  ['what it cannot do', soap12(['ActionNotSupported'], ''), isUnsupported],
  [
    'what it cannot do, gSOAP',
    soap11('Client', "Method 'tr2:GetProfiles' not implemented: method name"),
    isUnsupported,
  ],
] as const)('a fault is understood: %s', ([, text, is]) => {
  const { fault } = reply(text, 200);
  expect(fault && is(fault)).toBe(true);
});

test.for([
  [['InvalidArgVal', 'NoToken'], 'notFound'],
  [['InvalidArgVal', 'NoProfile'], 'notFound'],
  [['Action', 'NoHomePosition'], 'notFound'],
  [['InvalidArgVal', 'InvalidPosition'], 'badInput'],
  [['InvalidArgVal'], 'badInput'],
  [['Action', 'TooManyPresets'], undefined],
  [['ActionNotSupported'], undefined],
] as const)('a fault %s is a complaint about the caller: %s', ([codes, complaint]) => {
  const { fault } = reply(soap12([...codes], ''));
  expect(fault && complaintOf(fault)).toBe(complaint);
});

test.for([
  [soap12(['InvalidArgVal', 'NoProfile'], 'no such profile'), 400, 'badReply', 'a fault: no such profile'],
  [soap12(['OperationProhibited'], ''), 400, 'noRights', 'lacks the right'],
  [soap12(['ActionNotSupported'], ''), 500, 'notSupported', 'ActionNotSupported'],
  ['<s:Envelope xmlns:s="x"><s:Body><YResponse/></s:Body></s:Envelope>', 200, 'badReply', 'no XResponse'],
  ['<html/>', 200, 'notOnvif', 'not speak ONVIF'],
  ['', 403, 'onvifOff', 'switch ONVIF on'],
  ['', 502, 'badReply', 'HTTP 502'],
] as const)('%s with status %i is %s', ([text, status, trouble, words]) => {
  let error: unknown;
  try {
    responseOf(reply(text, status), EXPECTED, false);
  } catch (cause) {
    error = cause;
  }
  expect([troubleOf(error), (error as Error).message]).toEqual([trouble, expect.stringContaining(words)]);
});

test("a camera's fault is one short line", () => {
  const { fault } = reply(soap12(['A\n\u0085B'], `x\n${'y'.repeat(500)}`));
  expect(fault?.reason?.length).toBe(120);
  expect(fault?.reason).toMatch(/^x y+$/);
});

const DOCUMENT = '<?xml version="1.0" encoding="ENC"?><Envelope><Body><XResponse>Tür</XResponse></Body></Envelope>';
const inUtf16 = (text: string, isBig: boolean): Buffer => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
  return isBig ? bytes.swap16() : bytes;
};
test.for([
  ['UTF-8', Buffer.from(DOCUMENT.replace('ENC', 'utf-8')), undefined],
  ['UTF-16 LE', inUtf16(DOCUMENT.replace('ENC', 'utf-16'), false), undefined],
  ['UTF-16 BE', inUtf16(DOCUMENT.replace('ENC', 'utf-16'), true), undefined],
  ['UTF-16 LE without a mark', inUtf16(DOCUMENT.replace('ENC', 'utf-16'), false).subarray(2), undefined],
  ['UTF-8 that says UTF-16', Buffer.from(DOCUMENT.replace('ENC', 'utf-16')), undefined],
  ['Latin-1 as declared', Buffer.from(DOCUMENT.replace('ENC', 'iso-8859-1'), 'latin1'), 'text/xml; charset=utf-8'],
  ['UTF-8 that says Latin-1', Buffer.from(DOCUMENT.replace('ENC', 'iso-8859-1')), undefined],
  ['UTF-8 that says what does not exist', Buffer.from(DOCUMENT.replace('ENC', 'x-klingon')), undefined],
  ['Latin-1 that says UTF-8', Buffer.from(DOCUMENT.replace('ENC', 'utf-8'), 'latin1'), 'text/xml; charset=utf-8'],
  ['Latin-1 that says nothing', Buffer.from(DOCUMENT.replace(/^.*\?>/, ''), 'latin1'), undefined],
  ['Latin-1 as HTTP says', Buffer.from(DOCUMENT.replace(/^.*\?>/, ''), 'latin1'), 'text/xml; charset="ISO-8859-1"'],
] as const)('text in %s is read', ([, bytes, type]) => {
  const element = responseOf(reply(bytes, 200, type), EXPECTED, true);
  expect(element.text).toBe('Tür');
});

test('any reply results in an element or a PerchError, quickly', () => {
  const next = random(8);
  const seeds = [
    soap12(['InvalidArgs', 'NotAuthorized'], 'no'),
    soap11('Client', 'no'),
    DOCUMENT.replace('ENC', 'utf-8'),
  ].map((text) => Buffer.from(text));
  let read = 0;
  for (let i = 0; i < 6_000; i += 1) {
    const bytes = mutate(seeds[i % seeds.length] ?? Buffer.alloc(0), next);
    try {
      responseOf(reply(bytes, next() < 0.5 ? 200 : 400), EXPECTED, next() < 0.5);
      read += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(read).toBeGreaterThan(20);
});
