import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import {
  ASK,
  callerOf,
  DIGEST,
  envelope,
  failureOf,
  INFORMATION,
  listen,
} from '../../../test/support/cameras/soap-server.ts';
import { namesOf } from '../../tls/device-names.ts';
import { issueAuthority, issueServer } from '../../tls/issue.ts';
import { httpOriginOf, parseHttpUrl } from './http/origin.ts';
import { findText } from './xml/xml.ts';

test('a request declares its namespaces, names its operation, and closes its connection', async () => {
  const { url, requests } = await listen((_asked, response) => response.end(envelope(INFORMATION)));
  expect(findText(await callerOf(url).call(ASK), 'Model')).toBe('m');
  const [{ headers, text } = { headers: {}, text: '' }] = requests;
  expect(headers.connection).toBe('close');
  expect(headers['content-type']).toBe(
    'application/soap+xml; charset=utf-8; action="http://www.onvif.org/ver10/device/wsdl/GetDeviceInformation"',
  );
  expect(text.match(/xmlns:\w+/g)).toEqual(['xmlns:s', 'xmlns:tds']);
});

test('a camera that knows SOAP 1.1 alone is spoken to so from then on', async () => {
  const old = 'http://schemas.xmlsoap.org/soap/envelope/';
  const { url, requests } = await listen(({ text }, response) =>
    text.includes(old)
      ? response.end(envelope(INFORMATION))
      : response.writeHead(500).end(envelope('<Fault><faultcode>e:VersionMismatch</faultcode></Fault>')),
  );
  const caller = callerOf(url);
  await caller.call(ASK);
  await caller.call(ASK);
  expect(requests.map(({ headers }) => headers['content-type']?.split(';')[0])).toEqual([
    'application/soap+xml',
    'text/xml',
    'text/xml',
  ]);
  expect(requests[1]?.headers['soapaction']).toMatch(/GetDeviceInformation"$/);
});

test('an answer to another request is ignored', async () => {
  const related = (id: string) => `<RelatesTo>${id}</RelatesTo>`;
  let id = 'urn:uuid:other';
  const { url } = await listen((_asked, response) => response.end(envelope(INFORMATION, related(id))));
  const asked = { ...ASK, headers: '<wsa:MessageID>urn:uuid:mine</wsa:MessageID>' };
  const error = await failureOf(callerOf(url).call(asked));
  expect([error.context['camera'], error.message]).toEqual([
    'badReply',
    "the camera's reply belongs to another request",
  ]);
  id = 'urn:uuid:mine';
  expect(findText(await callerOf(url).call(asked), 'Model')).toBe('m');
});

test.for([
  ['http://10.0.0.9/onvif', 'redirects to another host'],
  ['http://user:pw@evil.example/', 'redirects to another host'],
  ['gopher://127.0.0.1/', 'redirects to another host'],
  ['//10.0.0.9/onvif', 'redirects to another host'],
] as const)('a redirect to %s is not followed', async ([location, words]) => {
  const { url, requests } = await listen((_asked, response) => response.writeHead(307, { Location: location }).end());
  expect((await failureOf(callerOf(url).call(ASK))).message).toContain(words);
  expect(requests).toHaveLength(1);
});

test('an endless chain of redirects is abandoned', async () => {
  const { url, requests } = await listen(({ path }, response) =>
    response.writeHead(302, { Location: `${path}a` }).end(),
  );
  await failureOf(callerOf(url).call(ASK));
  expect(requests.length).toBeLessThan(10);
});

test('a camera that wants https is spoken to over https, and that it has signed for itself is known', async () => {
  const names = namesOf('camera', ['127.0.0.1']);
  const validity = { fromMs: Date.now() - 1e6, untilMs: Date.now() + 1e8 };
  const own = await issueServer(await issueAuthority(names, validity), names, validity);
  const secure = await listen((_asked, response) => response.end(envelope(INFORMATION)), {
    key: own.keyPem,
    cert: own.certPem,
  });
  const plain = await listen((_asked, response) => response.writeHead(301, { Location: secure.url.href }).end());
  const caller = callerOf(plain.url);
  await caller.call(ASK);
  await caller.call(ASK);
  expect([caller.isTrusted, caller.origin.isSecure, plain.requests.length, secure.requests.length]).toEqual([
    false,
    true,
    1,
    2,
  ]);
  const back = await listen((_asked, response) => response.writeHead(301, { Location: plain.url.href }).end(), {
    key: own.keyPem,
    cert: own.certPem,
  });
  expect((await failureOf(callerOf(back.url).call(ASK))).message).toContain('redirects to another host');
});

test('Basic is sent over https if nothing else is offered', async () => {
  const names = namesOf('camera', ['127.0.0.1']);
  const validity = { fromMs: Date.now() - 1e6, untilMs: Date.now() + 1e8 };
  const own = await issueServer(await issueAuthority(names, validity), names, validity);
  let offered = ['Basic realm="x"', DIGEST];
  const { url, requests } = await listen(
    ({ headers }, response) =>
      headers.authorization?.startsWith('Basic') && offered.length === 1
        ? response.end(envelope(INFORMATION))
        : response.writeHead(401, { 'WWW-Authenticate': offered }).end(),
    { key: own.keyPem, cert: own.certPem },
  );
  await failureOf(callerOf(url).call(ASK));
  expect(requests.some(({ headers }) => headers.authorization?.startsWith('Basic'))).toBe(false);
  offered = ['Basic realm="x"'];
  await callerOf(url).call(ASK);
});

test('an unknown server with a self-signed certificate gets no password', async () => {
  const names = namesOf('camera', ['127.0.0.1']);
  const validity = { fromMs: Date.now() - 1e6, untilMs: Date.now() + 1e8 };
  const own = await issueServer(await issueAuthority(names, validity), names, validity);
  const { url, requests } = await listen(
    (_asked, response) => response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end(),
    { key: own.keyPem, cert: own.certPem },
  );
  for (const tokens of ['last', 'no'] as const) {
    const caller = callerOf(url, { tokens });
    expect((await failureOf(caller.call(ASK))).context['camera']).toBe('clearPassword');
  }
  expect(requests.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
});

test('a password that was read over https does not go over http afterwards', async () => {
  const names = namesOf('camera', ['127.0.0.1']);
  const validity = { fromMs: Date.now() - 1e6, untilMs: Date.now() + 1e8 };
  const own = await issueServer(await issueAuthority(names, validity), names, validity);
  const secure = await listen(
    ({ headers }, response) =>
      headers.authorization?.startsWith('Basic')
        ? response.end(envelope(INFORMATION))
        : response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="x"' }).end(),
    { key: own.keyPem, cert: own.certPem },
  );
  const plain = await listen((_asked, response) => response.end(envelope(INFORMATION)));
  const caller = callerOf(plain.url);
  await caller.call({ ...ASK, origin: httpOriginOf(secure.url) });
  await caller.call(ASK);
  expect(secure.requests.some(({ headers }) => headers.authorization?.startsWith('Basic'))).toBe(true);
  expect(plain.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
});

test.for([
  ['in its reply', {}, '<Year>275760</Year><Month>9</Month><Day>13</Day>'],
  ['in its header', { Date: 'Sat, 13 Sep 275760 00:00:00 GMT' }, ''],
] as const)('the last representable date %s is not a time', async ([, headers, date]) => {
  const time = `<Time><Hour>0</Hour><Minute>0</Minute><Second>0</Second></Time>`;
  const clockReply = `<GetSystemDateAndTimeResponse><SystemDateAndTime><UTCDateTime>${time}<Date>${date}</Date></UTCDateTime></SystemDateAndTime></GetSystemDateAndTimeResponse>`;
  const { url } = await listen(({ text }, response) =>
    response.writeHead(200, headers).end(envelope(text.includes('GetSystemDateAndTime') ? clockReply : INFORMATION)),
  );
  const clock = new FakeClock();
  const caller = callerOf(url, { clock });
  await caller.readClock();
  await clock.advance(60_000);
  expect(findText(await caller.call(ASK), 'Model')).toBe('m');
});

test.for(['ftp://a/', 'camera', '', 'http://[fe80::1%25eth0', '%j is not an http address'])(
  '%j is no http address',
  (text) => {
    expect(parseHttpUrl(text)).toBeUndefined();
  },
);
