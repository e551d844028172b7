import { expect, test } from 'vitest';
import { allowedOrigin } from './cors.ts';

test.for([
  ['an empty list allows nobody', [], 'https://a.example', undefined],
  ['a star allows all', ['*'], 'https://a.example', '*'],
  ['a star is the answer without an origin, too', ['*'], undefined, '*'],
  [
    'a named origin is echoed, also beside a star',
    ['*', 'https://a.example'],
    'https://a.example',
    'https://a.example',
  ],
  ['default ports are filled in', ['https://a.example:443'], 'https://a.example', 'https://a.example'],
  ['another port is another origin', ['https://a.example'], 'https://a.example:8443', undefined],
  ['another scheme is another origin', ['https://a.example'], 'http://a.example', undefined],
  ['capitals do not matter', ['https://A.example'], 'https://a.EXAMPLE', 'https://a.EXAMPLE'],
  ['*. covers a chain of subdomains', ['https://*.example.com'], 'https://x.y.example.com', 'https://x.y.example.com'],
  ['*. covers no subdomain', ['https://*.example.com'], 'https://example.com', 'https://example.com'],
  ['*. does not cover a name that ends alike', ['https://*.example.com'], 'https://badexample.com', undefined],
  ['a star inside a host is anything', ['http://cam*.lan'], 'http://cam12.lan', 'http://cam12.lan'],
  ['a dot is a dot', ['http://a.example'], 'http://axexample', undefined],
  ['an IPv6 host', ['http://[::1]:8080'], 'http://[::1]:8080', 'http://[::1]:8080'],
  ['null is nobody', ['https://a.example'], 'null', undefined],
] as const)('%s', ([, list, origin, answer]) => {
  expect(allowedOrigin(origin, list)).toBe(answer);
});
