import { expect, test } from 'vitest';
import { type HeaderField, RtspHeaders } from '../../../media/rtsp/message.ts';
import { foreignOrigin } from './accept-channel.ts';

const of = (...fields: readonly HeaderField[]) => foreignOrigin(new RtspHeaders(fields));

test.for<readonly [string, readonly HeaderField[]]>([
  ['a player', [['Host', '192.168.1.5:8554']]],
  [
    'a page of the same address',
    [
      ['Host', '192.168.1.5:8554'],
      ['Origin', 'http://192.168.1.5:8080'],
    ],
  ],
  [
    'a page of the same address of IPv6',
    [
      ['Host', '[fe80::1]:8554'],
      ['Origin', 'http://[fe80::1]:8080'],
    ],
  ],
  [
    'a page of this machine',
    [
      ['Host', 'localhost:8554'],
      ['Origin', 'http://localhost'],
    ],
  ],
])('%s may tunnel', ([, fields]) => {
  expect(of(...fields)).toBeUndefined();
});

test.for<readonly [string, readonly HeaderField[]]>([
  [
    'a page of elsewhere',
    [
      ['Host', '127.0.0.1:8554'],
      ['Origin', 'https://evil.example'],
    ],
  ],
  [
    'a page whose name was pointed here',
    [
      ['Host', 'evil.example:8554'],
      ['Origin', 'http://evil.example'],
    ],
  ],
  [
    'a page without origin',
    [
      ['Host', '127.0.0.1:8554'],
      ['Origin', 'null'],
    ],
  ],
  ['a page that gives no host', [['Origin', 'http://127.0.0.1']]],
])('%s may not tunnel', ([, fields]) => {
  expect(of(...fields)).toContain('web page');
});

test.for(['X-Forwarded-For', 'x-forwarded-proto', 'Forwarded', 'X-Real-IP'])(
  'a request with %s came through a proxy',
  (name) => {
    expect(of([name, '192.0.2.1'])).toContain('through a proxy');
  },
);
