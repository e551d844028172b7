import { expect, test } from 'vitest';
import { parseAddress } from '../../transports/rtsp/request/address.ts';
import { patternsFor, STREAM_PATTERNS, withLogin } from './stream-patterns.ts';

test('each address is valid and unique', () => {
  const mains = STREAM_PATTERNS.map(({ main }) => main);
  expect(new Set(mains).size).toBe(mains.length);
  for (const { main, sub } of STREAM_PATTERNS) {
    for (const path of sub === undefined ? [main] : [main, sub]) {
      const url = `rtsp://192.168.1.9${withLogin(path, 'admin', 'x')}`;
      expect(parseAddress(url, 'test').uri).toContain(path.replace('{user}', 'admin').replace('{password}', 'x'));
    }
    expect(sub).not.toBe(main);
  }
});

test.for([
  ['reolink', '/Preview_01_main'],
  ['TP-Link Tapo C200', '/stream1'],
  ['HIKVISION', '/Streaming/Channels/101'],
  ['an unknown maker', '/Streaming/Channels/101'],
] as const)('of a camera of %s the first address is %s, and all others come after', ([maker, first]) => {
  const patterns = patternsFor(maker);
  expect(patterns[0]?.main).toBe(first);
  expect(new Set(patterns)).toEqual(new Set(STREAM_PATTERNS));
});

test('a login in an address is percent-encoded', () => {
  expect(withLogin('/user={user}&password={password}&channel=1', 'a&b', 'p/w d')).toBe(
    '/user=a%26b&password=p%2Fw%20d&channel=1',
  );
});
