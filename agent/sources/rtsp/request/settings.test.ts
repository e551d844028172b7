import { expect, test } from 'vitest';
import { good } from '../../../../test/support/harness/loaded-config.ts';
import { settingsOf } from './settings.ts';

test.for([
  ['of all UDP sockets', '', 65_536],
  ['of the path', 'rtspUDPReadBufferSize: 4194304', 4_194_304],
  ['chosen by Perch for the path', 'rtspUDPReadBufferSize: 0', 0],
] as const)('the receive buffer is the size %s', ([, key, bytes]) => {
  const config = good(`udpReadBufferSize: 65536\npaths: { door: { source: 'rtsp://cam/1', ${key} } }`);
  const { settings } = config.paths.get('door') ?? {};
  expect(settings && settingsOf(settings, config).udpReadBufferSize).toBe(bytes);
});
