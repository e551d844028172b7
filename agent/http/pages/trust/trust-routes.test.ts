import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fingerprintLines } from '../../../base/fingerprint.ts';
import { silentLogger } from '../../../base/log.ts';
import { createHttpApp } from '../../listener/app.ts';
import { type TrustLookup, trustRoutes } from './trust-routes.ts';

const certificate = new X509Certificate(
  readFileSync(join(import.meta.dirname, '../../../../test/fixtures/tls/server.crt')),
);
const authority = {
  name: 'Perch <b>box</b> & co',
  pem: certificate.toString(),
  der: certificate.raw,
  fingerprint: certificate.fingerprint256,
  untilMs: Date.UTC(2036, 10, 18),
};

async function open(trust: TrustLookup = { authority: () => authority, port: () => 8443, box: 'this one' }) {
  const app = createHttpApp({ log: silentLogger });
  await app.register(trustRoutes, { trust });
  onTestFinished(() => app.close());
  return (url: string, headers: Record<string, string> = {}) => app.inject({ url, headers });
}

test('the page shows the fingerprint, steps for each kind of device, and the https address', async () => {
  const { statusCode, body, headers } = await (await open())('/trust', { host: 'perch.local:8080' });
  expect(statusCode).toBe(200);
  const [first = ''] = fingerprintLines(authority.fingerprint);
  for (const words of [first, 'iPhone', 'Android', 'Windows', 'Mac', 'Linux', 'Firefox', 'data-port="8443"']) {
    expect(body).toContain(words);
  }
  expect(body).not.toContain('<b>box');
  const policy = String(headers['content-security-policy']).split('; ');
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain('connect-src https://perch.local:8443');
});

test.for([
  ['iPhone; CPU iPhone OS 18_5 like Mac OS X', 'ios', 'this phone'],
  ['iPad; CPU OS 17_7 like Mac OS X', 'ios', 'this tablet'],
  ['Linux; Android 16; Pixel 9) Chrome/140.0 Mobile', 'android', 'this phone'],
  ['Linux; Android 15; SM-X710) Chrome/140.0', 'android', 'this tablet'],
  ['Android 15; Mobile; rv:140.0) Firefox/140.0', 'android', 'this phone'],
  ['Windows NT 10.0; Win64; x64) Chrome/140.0', 'windows', 'this computer'],
  ['Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15', 'macos', 'this computer'],
  ['X11; Linux x86_64) Chrome/140.0', 'linux', 'this computer'],
  ['X11; Linux x86_64; rv:140.0) Firefox/140.0', 'firefox', 'this computer'],
  ['Windows NT 10.0; rv:140.0) Firefox/140.0', 'firefox', 'this computer'],
] as const)('a browser that calls itself Mozilla/5.0 (%s gets the steps of %s', async ([name, system, thing]) => {
  const { body } = await (await open())('/trust', { 'user-agent': `Mozilla/5.0 (${name}` });
  const shown = [...body.matchAll(/<section data-system="(\w+)" aria-label/g)].map(([, id]) => id);
  expect(shown).toEqual([system]);
  expect(body).toContain(`<option value="${system}" selected>`);
  expect(body).toContain(`>Checking whether ${thing} trusts the box…<`);
});

test('the steps of both languages are of the same systems', async () => {
  const get = await open();
  const systems = async (lang: string) => [
    ...(await get(`/trust?lang=${lang}`)).body.matchAll(/<option value="(\w+)"/g),
  ];
  const of = async (lang: string) => (await systems(lang)).map(([, id]) => id);
  expect(await of('zh-CN')).toEqual(await of('en'));
});

test.for([
  ['/trust', 'zh-CN,zh;q=0.9,en;q=0.8', 'zh-CN'],
  ['/trust', 'de-DE,de;q=0.9', 'en'],
  ['/trust?lang=zh-CN', 'en', 'zh-CN'],
  ['/trust?lang=en', 'zh', 'en'],
  ['/trust?lang=a&lang=b', '', 'en'],
] as const)('%s with Accept-Language %s is in %s', async ([url, preferred, lang]) => {
  const { body } = await (await open())(url, { 'accept-language': preferred });
  expect(body).toContain(`<html lang="${lang}">`);
});

test("the certificate is offered as DER, as PEM, and as Apple's profile", async () => {
  const get = await open();
  const der = await get('/trust/perch.crt');
  expect(new X509Certificate(der.rawPayload).fingerprint256).toBe(authority.fingerprint);
  expect(der.headers['content-type']).toBe('application/x-x509-ca-cert');
  expect(new X509Certificate((await get('/trust/perch.pem')).body).fingerprint256).toBe(authority.fingerprint);
  const profile = await get('/trust/perch.mobileconfig');
  expect(profile.headers['content-type']).toBe('application/x-apple-aspen-config');
  const read =
    'import plistlib,sys; p=plistlib.loads(sys.stdin.buffer.read()); c=p["PayloadContent"][0]; print(c["PayloadType"], c["PayloadContent"].hex())';
  const said = execFileSync('python3', ['-c', read], { input: profile.body }).toString().trim();
  expect(said).toBe(`com.apple.security.root ${Buffer.from(authority.der).toString('hex')}`);
  expect((await get('/trust/perch.mobileconfig')).body).toBe(profile.body);
});

test('a page of any origin may probe the trust, and learns which box answers', async () => {
  const { headers, body } = await (await open())('/trust/here', { origin: 'http://box.local:8080' });
  expect([headers['access-control-allow-origin'], JSON.parse(body)]).toEqual(['*', { box: 'this one' }]);
});

test('a box without its own certificate has a remedy', async () => {
  const get = await open({ authority: () => undefined, port: () => undefined, box: '' });
  expect((await get('/trust')).body).toContain('Settings, System, Secure connection');
  expect((await get('/trust/perch.crt')).statusCode).toBe(404);
});

test('with a certificate of another authority nothing is downloaded, and the page still checks the trust', async () => {
  const { body } = await (await open({ authority: () => undefined, port: () => 443, box: '' }))('/trust');
  expect(body).toContain('data-port="443"');
  expect(body).not.toContain('perch.crt');
});
