import { expect, test } from 'vitest';
import { FakeSource, YARD } from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { PreLoginMemory } from '../../../base/network/pre-login-memory.ts';
import type { DeviceFile } from './device-file.ts';
import { OnvifServer } from './server.ts';

test('a start that fails leaves nothing behind', async () => {
  const source = new FakeSource();
  const clock = new FakeClock();
  let assigned = 0;
  const file: Pick<DeviceFile, 'id' | 'assign'> = {
    id: '0123456789',
    assign: () => {
      assigned += 1;
      return Promise.reject(new Error('no space left'));
    },
  };
  const started = OnvifServer.start({
    source,
    file: file as DeviceFile,
    address: '127.0.0.1:0',
    readTimeoutMs: 10_000,
    login: () => undefined,
    wrongCredentials: { checkRoom: () => {}, pause: async () => {} },
    preLogin: new PreLoginMemory(clock, silentLogger),
    clock,
    log: silentLogger,
  });
  await expect(started).rejects.toThrow('no space left');
  source.change([YARD]);
  await clock.advance(60_000);
  expect(assigned).toBe(1);
});
