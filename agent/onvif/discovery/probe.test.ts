import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { PerchError } from '../../base/errors.ts';
import { parseDiscovery, writeProbe } from './probe.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const match = (endpoint: string, scopes: string, xaddrs = 'http://192.168.1.9/onvif/device_service') =>
  `<d:ProbeMatch><a:EndpointReference><a:Address>${endpoint}</a:Address></a:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types>` +
  `<d:Scopes>${scopes}</d:Scopes><d:XAddrs>${xaddrs}</d:XAddrs></d:ProbeMatch>`;
const answer = (body: string, header = '<a:RelatesTo>uuid:1</a:RelatesTo>') =>
  `<?xml version="1.0"?><s:Envelope><s:Header>${header}</s:Header><s:Body>${body}</s:Body></s:Envelope>`;
const SCOPES =
  'onvif://www.onvif.org/Profile/Streaming onvif://www.onvif.org/name/Front%20door onvif://www.onvif.org/hardware/X%2F1 ' +
  'onvif://www.onvif.org/location/country/germany onvif://www.onvif.org/manufacturer/100%';

test('a probe has its own message id each time and asks for one type', () => {
  const [first, second] = [writeProbe('tds:Device'), writeProbe('tds:Device')];
  expect(first.messageId).not.toBe(second.messageId);
  expect(first.text).toContain(`<a:MessageID>${first.messageId}</a:MessageID>`);
  expect(first.text).toContain('<d:Types>tds:Device</d:Types>');
});

test('scopes are decoded, and an invalid one is kept unchanged', () => {
  const { relatesTo, matches } = parseDiscovery(
    bytes(answer(`<d:ProbeMatches>${match('urn:uuid:a', SCOPES)}</d:ProbeMatches>`)),
  );
  expect(relatesTo).toBe('uuid:1');
  expect(matches).toEqual([
    {
      endpoint: 'urn:uuid:a',
      types: ['dn:NetworkVideoTransmitter'],
      xaddrs: ['http://192.168.1.9/onvif/device_service'],
      name: 'Front door',
      hardware: 'X/1',
      location: 'country/germany',
      manufacturer: '100%',
      isOnvif: true,
    },
  ]);
});

test('one datagram may hold several devices; one without identity is left out', () => {
  const body = `<d:ProbeMatches>${match('urn:uuid:a', '')}${match('', '')}${match('urn:uuid:b', '', 'http://a/ http://b/')}</d:ProbeMatches>`;
  const { matches } = parseDiscovery(bytes(answer(body, '')));
  expect(matches.map(({ endpoint, xaddrs }) => [endpoint, xaddrs.length])).toEqual([
    ['urn:uuid:a', 1],
    ['urn:uuid:b', 2],
  ]);
});

test('an answer that is not well-formed is repaired', () => {
  const device = match('urn:uuid:a', 'onvif://www.onvif.org/name/Door & yard&nbsp;', 'http://a/?x=1&y=2');
  const text = `\0\r\n${answer(`<d:ProbeMatches>${device}</d:ProbeMatches>`, '<a:To a="1" a="2"/>')}\0<`;
  expect(parseDiscovery(bytes(text)).matches).toMatchObject([
    { endpoint: 'urn:uuid:a', xaddrs: ['http://a/?x=1&y=2'] },
  ]);
});

test.for([
  ['Hello', 'hello'],
  ['Bye', 'bye'],
] as const)('%s has the device in itself', ([name, kind]) => {
  const said = match('urn:uuid:a', SCOPES).replaceAll('ProbeMatch>', `${name}>`);
  expect(parseDiscovery(bytes(answer(said, '')))).toMatchObject({
    kind,
    matches: [{ endpoint: 'urn:uuid:a', name: 'Front door' }],
  });
});

test.for([
  ['dn:NetworkVideoTransmitter', '', 'http://1.2.3.4/', true],
  ['', 'onvif://www.onvif.org/name/x', 'http://1.2.3.4/', true],
  ['', '', 'http://1.2.3.4/onvif/device_service', true],
  ['wsdp:Device pub:Computer', 'http://schemas.example/x', 'http://1.2.3.4/wsd', false],
] as const)('types %j, scopes %j and the address %s: a camera %j', ([types, scopes, xaddr, isOnvif]) => {
  const one = match('urn:uuid:a', scopes, xaddr).replace('dn:NetworkVideoTransmitter', types);
  expect(parseDiscovery(bytes(answer(`<d:ProbeMatches>${one}</d:ProbeMatches>`))).matches[0]?.isOnvif).toBe(isOnvif);
});

test.for([
  ['a Hello', answer('<d:Hello/>')],
  ['an empty answer', answer('<d:ProbeMatches/>')],
  ['a printer without anything', answer('<d:ProbeMatches><d:ProbeMatch/></d:ProbeMatches>')],
  ['a cut datagram', answer(match('urn:uuid:a', SCOPES)).slice(0, 200)],
] as const)('%s has no devices', ([, text]) => {
  expect(parseDiscovery(bytes(text)).matches).toEqual([]);
});

test.for([
  ['garbage', 'M-SEARCH * HTTP/1.1'],
  ['another document', '<html></html>'],
] as const)('refuses %s', ([, text]) => {
  expect(() => parseDiscovery(bytes(text))).toThrow(PerchError);
});

test('a flood of devices in one datagram is cut', () => {
  const body = `<d:ProbeMatches>${match('urn:uuid:a', '', 'http://a/').repeat(180)}</d:ProbeMatches>`;
  expect(parseDiscovery(bytes(answer(body))).matches.length).toBe(64);
});

test('mutated replies throw only PerchError, and results are short plain text', () => {
  const next = random(5);
  const whole = bytes(answer(`<d:ProbeMatches>${match('urn:uuid:a', SCOPES)}</d:ProbeMatches>`));
  for (let i = 0; i < 4000; i += 1) {
    const mutated = whole.slice();
    for (let j = 0; j < 1 + next() * 4; j += 1) {
      mutated[Math.floor(next() * mutated.length)] = next() < 0.5 ? next() * 256 : '<>/&;"%:'.charCodeAt(next() * 8);
    }
    try {
      const { matches } = parseDiscovery(mutated.subarray(0, next() < 0.2 ? next() * mutated.length : mutated.length));
      for (const { endpoint, name } of matches) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(`${endpoint}${name}`).not.toMatch(/[\u0000-\u001f]/);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
