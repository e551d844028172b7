import type { IncomingHttpHeaders } from 'node:http';
import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { IpList } from '../../base/network/ip-address.ts';
import { originOf } from './request-origin.ts';

const none = new IpList([]);
const proxies = new IpList(['127.0.0.1', '10.0.0.0/24']);
const LOCAL = '127.0.0.1';
const at = (host: string, more: IncomingHttpHeaders = {}): IncomingHttpHeaders => ({ host, ...more });

test.for<[string, string, IncomingHttpHeaders, boolean]>([
  ['localhost', LOCAL, at('localhost:8080'), true],
  ['an address in Host', LOCAL, at('127.0.0.1'), true],
  ['IPv6', '::1', at('[::1]:8080'), true],
  ['an IPv4 address on a dual-stack socket', '::ffff:127.0.0.1', at('127.0.0.1:8080'), true],
  [
    'the page itself asks',
    LOCAL,
    at('localhost', { origin: 'http://localhost', 'sec-fetch-site': 'same-origin' }),
    true,
  ],
  ['a page on another port of ours', LOCAL, at('127.0.0.1:8889', { origin: 'http://127.0.0.1:8080' }), true],
  [
    'a link followed from another site',
    LOCAL,
    at('localhost', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }),
    true,
  ],
  ['HTTP/2', LOCAL, { ':authority': 'localhost:8888' }, true],
  ['a name that was rebound', LOCAL, at('evil.example:8080'), false],
  ['a name that was rebound, over HTTP/2', LOCAL, { ':authority': 'evil.example:8888' }, false],
  ['no Host at all', LOCAL, {}, false],
  [
    'an address of the network, which only a gateway on this machine connects to from here',
    LOCAL,
    at('192.168.1.5:9997'),
    false,
  ],
  ['the address of all interfaces, which pages use to reach this machine', LOCAL, at('0.0.0.0:9997'), false],
  ['IPv6, the address of all interfaces', '::1', at('[::]:9997'), false],
  ['IPv6, an IPv4 address', '::1', at('[::ffff:127.0.0.1]:9997'), true],
  ["another site's script", LOCAL, at('127.0.0.1', { origin: 'https://evil.example' }), false],
  ['a sandboxed page', LOCAL, at('127.0.0.1', { origin: 'null' }), false],
  [
    "another site's picture",
    LOCAL,
    at('127.0.0.1', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }),
    false,
  ],
  [
    "another site's frame",
    LOCAL,
    at('127.0.0.1', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }),
    false,
  ],
  ['X-Forwarded-For', LOCAL, at('localhost', { 'x-forwarded-for': '127.0.0.1' }), false],
  ['Forwarded', LOCAL, at('localhost', { forwarded: 'for=127.0.0.1' }), false],
  ['X-Forwarded-Proto alone', LOCAL, at('localhost', { 'x-forwarded-proto': 'https' }), false],
  ['any X-Forwarded-…', LOCAL, at('localhost', { 'x-forwarded-port': '443' }), false],
  ['X-Real-IP', LOCAL, at('localhost', { 'x-real-ip': '127.0.0.1' }), false],
  ['Via', LOCAL, at('localhost', { via: '1.1 varnish' }), false],
  ['another machine', '192.168.1.9', at('localhost'), false],
  ['a connection that is gone', '', at('localhost'), false],
])('loopback: %s', ([, peer, headers, isLoopback]) => {
  expect(originOf(headers, peer, false, none).isLoopback).toBe(isLoopback);
});

test('loopback: HTTP/1.0, which nginx speaks without further settings, does not count', () => {
  expect(originOf(at('127.0.0.1:9997'), LOCAL, false, none, '1.0').isLoopback).toBe(false);
  expect(originOf(at('127.0.0.1:9997'), LOCAL, false, none, '1.1').isLoopback).toBe(true);
});

test('HTTP/1.0 of a trusted proxy that reports its client counts as the client does', () => {
  const headers = at('localhost', { 'x-forwarded-for': '127.0.0.1' });
  expect(originOf(headers, LOCAL, false, proxies, '1.0').isLoopback).toBe(true);
});

test.for<[string, string, IncomingHttpHeaders, boolean]>([
  ['by address', '192.168.1.9', at('192.168.1.2:8080'), true],
  ['by mDNS name', 'fe80::9%eth0', at('perch.local:8080'), true],
  ['by a name without dots', '10.9.8.7', at('perch'), true],
  ['by a public name, which may have been rebound', '192.168.1.9', at('evil.example'), false],
  ['through an unknown proxy', '192.168.1.9', at('192.168.1.2', { 'x-forwarded-for': '192.168.1.9' }), false],
  ['from outside', '203.0.113.5', at('192.168.1.2'), false],
])('private: %s', ([, peer, headers, isPrivate]) => {
  expect(originOf(headers, peer, false, none).isPrivate).toBe(isPrivate);
});

test.for<[string, string, IncomingHttpHeaders, string, boolean, boolean]>([
  [
    'the client that it names',
    LOCAL,
    at('localhost', { 'x-forwarded-for': '203.0.113.5' }),
    '203.0.113.5',
    false,
    false,
  ],
  ['a client at home', LOCAL, at('localhost', { 'x-forwarded-for': '192.168.1.9' }), '192.168.1.9', false, true],
  ['a client on this machine', LOCAL, at('localhost', { 'x-forwarded-for': '127.0.0.1' }), '127.0.0.1', true, true],
  [
    'what another proxy added, not what the client wrote',
    LOCAL,
    at('localhost', { 'x-forwarded-for': '127.0.0.1, 203.0.113.5, 10.0.0.7' }),
    '203.0.113.5',
    false,
    false,
  ],
  [
    'X-Real-IP where there is no list',
    LOCAL,
    at('localhost', { 'x-real-ip': '203.0.113.5' }),
    '203.0.113.5',
    false,
    false,
  ],
  [
    'a port after the address',
    LOCAL,
    at('localhost', { 'x-forwarded-for': '203.0.113.5:4711' }),
    '203.0.113.5',
    false,
    false,
  ],
  [
    'a bracketed address',
    LOCAL,
    at('localhost', { 'x-forwarded-for': '[2001:db8::1]:4711' }),
    '2001:db8::1',
    false,
    false,
  ],
  [
    'nothing that can be read: then it may be anybody',
    LOCAL,
    at('localhost', { 'x-forwarded-for': 'unknown' }),
    LOCAL,
    false,
    false,
  ],
  [
    'the client in Forwarded',
    LOCAL,
    at('localhost', { forwarded: 'for=127.0.0.1, For="203.0.113.5:4711";proto=https, for=10.0.0.7' }),
    '203.0.113.5',
    false,
    false,
  ],
  [
    'an IPv6 client in Forwarded',
    LOCAL,
    at('localhost', { forwarded: 'for="[2001:db8::1]:4711"' }),
    '2001:db8::1',
    false,
    false,
  ],
  [
    'a hidden name in Forwarded: then it may be anybody',
    LOCAL,
    at('localhost', { forwarded: 'for=127.0.0.1, for=_hidden' }),
    LOCAL,
    false,
    false,
  ],
  [
    'a hidden name behind a known proxy: then it may be anybody',
    LOCAL,
    at('localhost', { forwarded: 'for=_hidden, for=127.0.0.1' }),
    LOCAL,
    false,
    false,
  ],
  [
    'no X-Real-IP next to a list that cannot be read: the client may have written it',
    LOCAL,
    at('localhost', { 'x-forwarded-for': 'unix:', 'x-real-ip': '127.0.0.1' }),
    LOCAL,
    false,
    false,
  ],
  [
    'what came in two headers as one list',
    LOCAL,
    at('localhost', { 'x-forwarded-for': '127.0.0.1, 203.0.113.5' }),
    '203.0.113.5',
    false,
    false,
  ],
  [
    'no X-Real-IP that came twice',
    LOCAL,
    at('localhost', { 'x-real-ip': '127.0.0.1, 203.0.113.5' }),
    LOCAL,
    false,
    false,
  ],
  [
    'a mapped IPv4 address as what it is',
    LOCAL,
    at('localhost', { 'x-forwarded-for': '203.0.113.5, ::ffff:10.0.0.7' }),
    '203.0.113.5',
    false,
    false,
  ],
  [
    'no Forwarded next to X-Forwarded-…, which the proxy passes on unread',
    LOCAL,
    at('localhost', { forwarded: 'for=192.168.1.9', 'x-forwarded-for': '203.0.113.5' }),
    '203.0.113.5',
    false,
    false,
  ],
  ['the machine itself when it forwards nothing', LOCAL, at('localhost'), LOCAL, true, true],
])('behind a trusted proxy: %s', ([, peer, headers, ip, isLoopback, isPrivate]) => {
  expect(originOf(headers, peer, false, proxies)).toMatchObject({ ip, isLoopback, isPrivate });
});

test.for<[string, IncomingHttpHeaders, boolean]>([
  ['Sec-Fetch-Site: same-origin', at('perch:8080', { 'sec-fetch-site': 'same-origin' }), true],
  ['an address typed by hand', at('perch:8080', { 'sec-fetch-site': 'none' }), true],
  ['the same Origin', at('perch:8080', { origin: 'http://perch:8080' }), true],
  ['the same Origin, default port written out', at('perch:80', { origin: 'http://perch' }), true],
  ['another port', at('perch:8080', { origin: 'http://perch:8123' }), false],
  ['another port of this site', at('perch:8080', { 'sec-fetch-site': 'same-site' }), false],
  ['another site', at('perch:8080', { origin: 'https://evil.example' }), false],
  [
    'another site with a forged-looking same Origin',
    at('perch:8080', { 'sec-fetch-site': 'cross-site', origin: 'http://perch:8080' }),
    false,
  ],
  ['a sandboxed page', at('perch:8080', { origin: 'null' }), false],
  ['no browser', at('perch:8080'), false],
])('same origin: %s', ([, headers, isSameOrigin]) => {
  expect(originOf(headers, '192.168.1.9', false, none).isSameOrigin).toBe(isSameOrigin);
});

test('host and scheme of the browser count with a trusted proxy', () => {
  const headers = at('127.0.0.1:8080', {
    'x-forwarded-for': '203.0.113.5',
    'x-forwarded-host': 'cams.example',
    'x-forwarded-proto': 'https',
    origin: 'https://cams.example',
  });
  expect(originOf(headers, LOCAL, false, proxies)).toMatchObject({ isSameOrigin: true, isSecure: true });
  expect(originOf(headers, '203.0.113.9', false, proxies)).toMatchObject({ isSameOrigin: false, isSecure: false });
});

test.for<[string, IncomingHttpHeaders, string]>([
  ['itself, by the name that was asked for', at('box.lan:8080'), 'http://box.lan:8080'],
  ['localhost, when the name is none', at('a b"'), 'http://localhost'],
  ['an IPv6 address', at('[fd00::1]:8080'), 'http://[fd00::1]:8080'],
  [
    'what the proxy says',
    at('127.0.0.1:8080', {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'cams.example, inner',
      'x-forwarded-prefix': '/perch/',
    }),
    'https://cams.example/perch',
  ],
  [
    'what the proxy says in Forwarded',
    at('127.0.0.1:8080', { forwarded: 'for=203.0.113.5;host="cams.example:8443";proto=HTTPS' }),
    'https://cams.example:8443',
  ],
  [
    'no prefix that would lead elsewhere',
    at('cams.example', { 'x-forwarded-for': '203.0.113.5', 'x-forwarded-prefix': '//evil.example' }),
    'http://cams.example',
  ],
])('base address: %s', ([, headers, baseUrl]) => {
  expect(originOf(headers, LOCAL, false, proxies).baseUrl).toBe(baseUrl);
});

test.for<[string, boolean, string, boolean, string]>([
  ['by https to the proxy, which comes by http', false, 'https', true, 'https://box.lan'],
  ['by http to the proxy, which comes by https', true, 'http', false, 'http://box.lan'],
  ['by https to a proxy that says nothing of it and comes by https', true, '', true, 'https://box.lan'],
])('browser: %s', ([, isTls, scheme, isSecure, baseUrl]) => {
  const headers = at('box.lan', { 'x-forwarded-for': '192.168.1.9', 'x-forwarded-proto': scheme });
  expect(originOf(headers, LOCAL, isTls, proxies)).toMatchObject({ isSecure, baseUrl });
});

test.for([
  '/a b',
  '/a;Domain=evil.example',
  '/a"',
  '/a\\b',
  'perch',
  '//evil.example',
  '/a//b',
  '/a?b',
  '/a#b',
  '/\u00e4',
])('the folder %j is ignored in addresses and cookies', (folder) => {
  const headers = at('box.lan', { 'x-forwarded-for': '192.168.1.9', 'x-forwarded-prefix': folder });
  expect(originOf(headers, LOCAL, false, proxies)).toMatchObject({ prefix: '', baseUrl: 'http://box.lan' });
});

test('forwarding headers of an untrusted client are ignored', () => {
  const headers = at('box.lan', {
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'evil',
    'x-forwarded-prefix': '/x',
  });
  expect(originOf(headers, '203.0.113.9', true, proxies).baseUrl).toBe('https://box.lan');
});

test('no headers make an outside client a loopback client, and none throw', () => {
  const next = random(7);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const names = ['host', 'origin', 'forwarded', 'x-forwarded-for', 'x-real-ip', 'x-forwarded-host', 'sec-fetch-site'];
  const pieces = [
    '127.0.0.1',
    'localhost',
    '[::1]',
    ':',
    ',',
    '/',
    'http://',
    '%',
    '\u00ff',
    '10.0.0.9',
    ' ',
    'null',
    '[',
  ];
  for (let i = 0; i < 20_000; i += 1) {
    const headers: IncomingHttpHeaders = {};
    for (let n = 0; n < 4; n += 1) {
      headers[pick(names)] = Array.from({ length: next() * 6 }, () => pick(pieces)).join('');
    }
    expect(originOf(headers, '203.0.113.5', false, proxies)).toMatchObject({ isLoopback: false, isPrivate: false });
    const untrusted = originOf(headers, LOCAL, false, none);
    const isForwarded = names.slice(2, 6).some((name) => headers[name] !== undefined);
    expect(untrusted.isLoopback && isForwarded).toBe(false);
  }
});
