import { expect, test } from 'vitest';
import { freeUdpPort } from '../../../test/support/base/free-udp-port.ts';
import { openAdoptionHarness } from '../../../test/support/harness/adoption-harness.ts';

test('while a range is searched another one is refused at once, and a single address is not', async () => {
  await using box = await openAdoptionHarness({ port: await freeUdpPort() });
  const probe = (target: string) => box.call('POST', '/cameras/probe', { target });
  const first = await probe('127.0.2.0/27');
  expect(first).toMatchObject({ status: 200, body: { state: 'running' } });
  expect(await probe('127.0.3.0/30')).toEqual({
    status: 409,
    body: { status: 'error', error: 'another range of addresses is being searched: wait for it to end', why: 'busy' },
  });
  expect((await probe('127.0.3.1')).status).toBe(200);
  await box.call('DELETE', `/cameras/probe/${first.body['id']}`);
  await expect.poll(async () => (await probe('127.0.3.0/30')).status, { timeout: 10_000 }).toBe(200);
});
