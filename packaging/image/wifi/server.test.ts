import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { pageServer } from './server.ts';

const HOST = '10.83.84.1';
const ORIGIN = `http://${HOST}`;
const HOME = '686f6d65';
const CAFE = '63616665';
const OFFICE = '6f6666696365';

async function page(state = 'box barn\npoint Perch-AB2C\ncountry DE\n') {
  const folder = mkdtempSync(join(tmpdir(), 'perch-wifi-page-'));
  const requestFolder = join(folder, 'requests');
  mkdirSync(requestFolder);
  writeFileSync(join(folder, 'state'), state);
  const found = [`${HOME} -40 [WPA2-PSK-CCMP][ESS]`, `${CAFE} -50 [ESS]`, `${OFFICE} -60 [WPA2-EAP-CCMP][ESS]`];
  writeFileSync(join(folder, 'found'), `${found.join('\n')}\n`);
  const server = pageServer({ stateFolder: folder, requestFolder, origin: ORIGIN });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    rmSync(folder, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  const ask = async (
    path: string,
    { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
  ): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { Host: HOST, ...headers }, agent: false });
    sent.end(body);
    const [answer] = await once(sent, 'response');
    return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
  };
  const file = join(requestFolder, 'request');
  return {
    ask,
    post: (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
      ask(path, { method: 'POST', headers, body: new URLSearchParams(form).toString() }),
    requested: () => (existsSync(file) ? readFileSync(file, 'utf8') : ''),
    file,
    used: join(requestFolder, 'used'),
  };
}

test.for([
  ['Android', 'connectivitycheck.gstatic.com', '/generate_204'],
  ['Android, its second', 'www.google.com', '/gen_204'],
  ['iOS and macOS', 'captive.apple.com', '/hotspot-detect.html'],
  ['Windows', 'www.msftconnecttest.com', '/connecttest.txt'],
  ['Windows, older', 'www.msftncsi.com', '/ncsi.txt'],
  ['Firefox', 'detectportal.firefox.com', '/canonical.html'],
  ['GNOME', 'nmcheck.gnome.org', '/check_network_status.txt'],
  ['Kindle', 'spectrum.s3.amazonaws.com', '/kindle-wifi/wifistub.html'],
] as const)('what %s asks whether it is online is led to the page', async ([, host, path]) => {
  const { ask, used } = await page();
  const { status, headers } = await ask(path, { headers: { Host: host } });
  expect([status, headers.location, headers['cache-control']]).toEqual([302, `${ORIGIN}/`, 'no-store']);
  expect(existsSync(used)).toBe(false);
});

test.for(['/v3/config/global/get', '/v3/paths/list', '/#/live', '/recordings', '/.well-known/x', '//'])(
  'there is nothing else of the box: %s',
  async (path) => {
    const { ask } = await page();
    const { status, headers, body } = await ask(path);
    expect([status, headers.location, body]).toEqual([302, `${ORIGIN}/`, '']);
  },
);

test('the page lists the networks, and those that cannot be joined are not to be chosen', async () => {
  const { ask, used } = await page();
  const { status, headers, body } = await ask('/');
  expect(status).toBe(200);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
  expect(body).toContain('>home<');
  expect(body).toMatch(new RegExp(`value="${OFFICE}" required disabled>`));
  expect(body).toContain('<option value="DE" selected>Germany</option>');
  expect(existsSync(used)).toBe(true);
  expect((await ask('/', { headers: { 'Accept-Language': 'zh-CN,zh;q=0.9' } })).body).toContain('<html lang="zh-CN">');
});

test('a network is asked for, and the answer says where the box will be', async () => {
  const { post, requested, file } = await page(`box barn\npoint Perch-AB2C\nknown ${HOME} 192.168.1.20\n`);
  const form = { country: 'FR', network: HOME, name: '', password: 'secret words' };
  const { status, body } = await post('/join', form, { Origin: ORIGIN });
  expect(status).toBe(200);
  expect(requested()).toMatch(
    new RegExp(`^join FR ${HOME} [0-9a-f]{64} ${Buffer.from('secret words').toString('hex')}\n$`),
  );
  expect(statSync(file).mode & 0o777).toBe(0o600);
  for (const part of ['http://barn.local', 'http://192.168.1.20', 'home', 'Perch-AB2C']) {
    expect(body).toContain(part);
  }
  expect(body).not.toContain('secret words');
});

test('an open network and one that is hidden are asked for', async () => {
  const { post, requested } = await page();
  await post('/join', { country: 'DE', network: CAFE, password: 'ignored words' });
  expect(requested()).toBe(`join DE ${CAFE} - -\n`);
  await post('/join', { country: 'DE', network: 'hidden', name: 'cellar', password: '' });
  expect(requested()).toBe('join DE 63656c6c6172 - -\n');
});

test.for([
  ['a country', { country: 'XX', network: HOME, password: 'secret words' }, 'Choose the country.'],
  ['a network', { country: 'DE', password: 'secret words' }, 'Choose a network.'],
  ['a network that is not there', { country: 'DE', network: '7878', password: 'secret words' }, 'Choose a network.'],
  ['the name of a hidden one', { country: 'DE', network: 'hidden', name: '' }, 'Type the name'],
  ['a name of 32 bytes', { country: 'DE', network: 'hidden', name: 'é'.repeat(17) }, 'at most 32 bytes'],
  ['a password', { country: 'DE', network: HOME, password: '' }, 'needs a password.'],
  ['a longer password', { country: 'DE', network: HOME, password: 'seven77' }, '8 to 63'],
  ['a password of one line', { country: 'DE', network: HOME, password: 'secret\nwords' }, '8 to 63'],
  [
    'one that takes a password alone',
    { country: 'DE', network: OFFICE, password: 'secret words' },
    'more than a password',
  ],
] as const)('a form without %s is sent back, with what was chosen', async ([, form, said]) => {
  const { post, requested } = await page();
  const { status, body } = await post('/join', form);
  expect(status).toBe(400);
  expect(body).toContain(said);
  expect(requested()).toBe('');
});

test.for([
  ['wrongPassword', 'the password is wrong'],
  ['notFound', 'was not found'],
  ['noAddress', 'gave it no address'],
  ['refused', 'the router refused'],
] as const)('the page says why the box is back: %s', async ([reason, said]) => {
  const { ask } = await page(`box barn\npoint Perch-AB2C\nfailed ${HOME} ${reason}\n`);
  const { body } = await ask('/');
  expect(body).toMatch(new RegExp(`role="alert">[^<]*home[^<]*${said}`));
  expect(body).toContain(`value="${HOME}" required checked>`);
});

test('a saved network can be forgotten, no other', async () => {
  const { post, requested } = await page(`box barn\npoint Perch-AB2C\nknown ${HOME} \n`);
  await post('/forget', { network: CAFE });
  expect(requested()).toBe('');
  expect((await post('/forget', { network: HOME })).headers.location).toBe('/');
  expect(requested()).toBe(`forget ${HOME}\n`);
});

test('a search is asked for, and the page comes again when it is over', async () => {
  const { post, ask, requested } = await page();
  const { status, headers } = await post('/search', {});
  expect([status, headers.location, requested()]).toEqual([303, '/?searching', 'search\n']);
  expect((await ask('/?searching')).body).toContain('http-equiv="refresh"');
});

test.for([
  ['from another page', { Origin: 'http://example.org' }, 403],
  ['from a page without an origin', { Origin: 'null' }, 403],
  ['under another name', { Host: 'example.org' }, 302],
] as const)('a form %s does nothing', async ([, headers, expected]) => {
  const { post, requested } = await page();
  expect((await post('/join', { country: 'DE', network: CAFE }, headers)).status).toBe(expected);
  expect(requested()).toBe('');
});

test('other methods, long forms and names with markup do no harm', async () => {
  const { ask, post, requested } = await page(
    `box barn\npoint Perch-AB2C\nfailed ${Buffer.from('<b>').toString('hex')} refused\n`,
  );
  expect((await ask('/join', { method: 'PUT', body: 'x' })).status).toBe(405);
  expect((await ask('/constructor', { method: 'POST', body: 'x' })).status).toBe(405);
  expect((await post('/join', { name: 'x'.repeat(4_000) })).status).toBe(413);
  expect((await ask('/')).body).toContain('could not join &lt;b&gt;');
  expect((await post('/join', { country: 'DE', network: 'hidden', name: '"><script>' })).body).not.toContain(
    '<script>',
  );
  expect(requested()).toBe(`join DE ${Buffer.from('"><script>').toString('hex')} - -\n`);
});
