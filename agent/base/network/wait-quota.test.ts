import { expect, test } from 'vitest';
import { WaitQuota } from './wait-quota.ts';

test('both the places of one subscriber and those of all are limited', () => {
  const places = new WaitQuota(5, 2);
  const taken = ['192.0.2.1', '192.0.2.1', '192.0.2.1'].map((ip) => places.take(ip));
  expect(taken.map((leave) => leave !== undefined)).toEqual([true, true, false]);
  // Addresses of one network are one subscriber's.
  expect(['2001:db8::1', '2001:db8::2', '2001:db8::3'].map((ip) => places.take(ip) !== undefined)).toEqual([
    true,
    true,
    false,
  ]);
  expect([places.take('192.0.2.2'), places.take('192.0.2.3')].map((leave) => leave !== undefined)).toEqual([
    true,
    false,
  ]);
  taken[0]?.();
  expect(places.take('192.0.2.1')).toBeDefined();
  expect(places.take('192.0.2.1')).toBeUndefined();
});
