import { expect, test } from 'vitest';
import { openHttpHarness } from '../../../test/support/harness/http-harness.ts';
import { tellOfUnknownProxy } from './unknown-proxy.ts';

const FORWARDED = { 'x-forwarded-for': '203.0.113.5' };

test.for<[string, readonly string[], string, Record<string, string>, number]>([
  ['a proxy nearby that is not named is told of once', [], '127.0.0.1', FORWARDED, 1],
  ['one that is named is not', ['127.0.0.1'], '127.0.0.1', FORWARDED, 0],
  ['who comes without a proxy is not', [], '127.0.0.1', {}, 0],
  ['what a stranger sends is not', [], '203.0.113.9', FORWARDED, 0],
])('%s', async ([, trustedProxies, remoteAddress, headers, times]) => {
  await using box = await openHttpHarness({ trustedProxies });
  const logged: unknown[] = [];
  tellOfUnknownProxy(box.app, box.access, 'trustedProxies', { warn: (...words: unknown[]) => logged.push(words) });
  box.app.get('/there', () => 'yes');
  for (let turn = 0; turn < 3; turn += 1) {
    await box.app.inject({ url: '/there', headers, remoteAddress });
  }
  expect(logged).toHaveLength(times);
});
