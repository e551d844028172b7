import { expect, test } from 'vitest';
import {
  ask,
  digestAnswer,
  openOnvifDevice,
  post,
  RECORDER,
  soapRequest,
  token,
} from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';

const INFORMATION = '<tds:GetDeviceInformation/>';
const TIME = '<tds:GetSystemDateAndTime/>';
const PATH = '/onvif/device_service';

test('the time, the services and the capabilities are open to all; nothing else is', async () => {
  const { urlOf } = await openOnvifDevice();
  const url = urlOf('device_service');
  for (const open of [TIME, '<tds:GetServices/>', '<tds:GetCapabilities/>', '<trt:GetServiceCapabilities/>']) {
    expect((await post(url, soapRequest(open))).status).toBe(200);
  }
  for (const closed of [INFORMATION, '<trt:GetProfiles/>', '<tds:GetScopes/>', '<tev:CreatePullPointSubscription/>']) {
    const { status, headers, text } = await post(url, soapRequest(closed));
    expect([status, headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('Digest realm=')]);
    expect(text).toContain('ter:NotAuthorized');
  }
});

test('a token is accepted once', async () => {
  const { urlOf } = await openOnvifDevice();
  const request = soapRequest(INFORMATION, token());
  expect((await post(urlOf('device_service'), request)).text).toContain('Perch');
  const again = await post(urlOf('device_service'), request);
  expect([again.status, again.text]).toEqual([400, expect.stringContaining('was used before')]);
});

test.for([
  ['a wrong password', { password: 'wrong' }, 'wrong user name or password', 'wrong'],
  ['an unknown user', { user: 'unknown' }, 'wrong user name or password', 'wrong'],
  ['a time of six minutes ago', { atMs: Date.now() - 360_000 }, 'set the clock', 'clock'],
  ['a time in six minutes', { atMs: Date.now() + 360_000 }, 'set the clock', 'clock'],
] as const)('a token with %s is refused after a pause, and the owner can see why', async ([, given, words, why]) => {
  const { urlOf, server, pauses } = await openOnvifDevice();
  const { status, text } = await post(urlOf('device_service'), soapRequest(INFORMATION, token(given)));
  expect([status, text]).toEqual([400, expect.stringContaining(words)]);
  expect([server.lastRefusal, pauses]).toMatchObject([{ why, path: 'door', ip: '127.0.0.1' }, ['127.0.0.1']]);
});

test('a good login of the same user or from the same address ends the report of a refused one', async () => {
  const { urlOf, server } = await openOnvifDevice();
  const url = urlOf('device_service');
  await post(url, soapRequest(INFORMATION, token({ password: 'wrong' })));
  expect(server.lastRefusal).toMatchObject({ why: 'wrong' });
  await ask(url, INFORMATION);
  expect(server.lastRefusal).toBeUndefined();
});

test('a refused login is reported for a day', async () => {
  const clock = new FakeClock();
  const { urlOf, server } = await openOnvifDevice({ clock });
  const refused = soapRequest(INFORMATION, token({ password: 'wrong', atMs: clock.wallMs() }));
  await post(urlOf('device_service'), refused);
  await clock.advance(23 * 3_600_000);
  expect(server.lastRefusal).toMatchObject({ why: 'wrong' });
  await clock.advance(3_600_000);
  expect(server.lastRefusal).toBeUndefined();
});

test('a password in clear is refused', async () => {
  const { urlOf } = await openOnvifDevice();
  const clear = token()
    .replace('#PasswordDigest', '#PasswordText')
    .replace(/(<Password[^>]*>)[^<]*/, `$1${RECORDER.password}`);
  const { status, text } = await post(urlOf('device_service'), soapRequest(INFORMATION, clear));
  expect([status, text]).toEqual([400, expect.stringContaining('in clear')]);
});

test('HTTP Digest is accepted, and each of its counts once', async () => {
  const { urlOf } = await openOnvifDevice();
  const url = urlOf('device_service');
  const challenge = (await post(url, soapRequest(INFORMATION))).headers.get('www-authenticate') ?? '';
  const say = (count: number) =>
    post(url, soapRequest(INFORMATION), { Authorization: digestAnswer(challenge, 'POST', PATH, { count }) });
  expect((await say(1)).status).toBe(200);
  expect((await say(2)).status).toBe(200);
  const replayed = await say(1);
  expect([replayed.status, replayed.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringContaining('stale=true'),
  ]);
});

test('HTTP Digest with a nonce of another device needs a new nonce; a wrong password does not tell', async () => {
  const { urlOf } = await openOnvifDevice();
  const url = urlOf('device_service');
  const foreign = 'Digest realm="Perch ONVIF", nonce="00112233445566778899aabbccddeeff00112233445566778899aabb"';
  const right = await post(url, soapRequest(INFORMATION), { Authorization: digestAnswer(foreign, 'POST', PATH) });
  expect([right.status, right.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('stale=true')]);
  const answer = digestAnswer(foreign, 'POST', PATH, { password: 'wrong' });
  const wrong = await post(url, soapRequest(INFORMATION), { Authorization: answer });
  expect([wrong.status, wrong.headers.get('www-authenticate')?.includes('stale')]).toEqual([401, false]);
});

test('a password for other cameras is refused', async () => {
  const { urlOf } = await openOnvifDevice({ paths: ['yard'] });
  const { status, text } = await ask(urlOf('device_service'), INFORMATION);
  expect([status, text]).toEqual([400, expect.stringContaining('does not permit ONVIF for this camera')]);
});

test('a request of a web page is refused, and a large one is not read', async () => {
  const { urlOf } = await openOnvifDevice();
  const url = urlOf('device_service');
  expect((await post(url, soapRequest(TIME), { Origin: 'http://evil.example' })).status).toBe(400);
  const large = await post(url, soapRequest(TIME, ' '.repeat(20_000)));
  expect(large.status).toBe(413);
});

test.for([
  ['no XML', 'nonsense'],
  ['no envelope', '<a/>'],
  ['a document type', `<!DOCTYPE a [<!ENTITY b "c">]>${soapRequest(TIME)}`],
  ['nothing in its body', soapRequest('')],
  ['an undeclared prefix', soapRequest('<x:GetSystemDateAndTime/>')],
] as const)('a request with %s gets a fault', async ([, text]) => {
  const { urlOf } = await openOnvifDevice();
  const { status, text: answer } = await post(urlOf('device_service'), text);
  expect([status, answer]).toEqual([400, expect.stringContaining('<s:Fault>')]);
});

test('an unknown operation gets ActionNotSupported, in the version of SOAP that asked', async () => {
  const { urlOf } = await openOnvifDevice();
  const url = urlOf('device_service');
  const unknown = '<tds:SystemReboot/>';
  expect(await ask(url, unknown)).toMatchObject({
    status: 500,
    text: expect.stringContaining('ter:ActionNotSupported'),
  });
  const old = soapRequest(unknown).replace(
    'http://www.w3.org/2003/05/soap-envelope',
    'http://schemas.xmlsoap.org/soap/envelope/',
  );
  expect(await post(url, old)).toMatchObject({ status: 500, text: expect.stringContaining('<faultstring>') });
});
