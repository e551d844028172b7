import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import { systemClock } from '../../base/clock.ts';
import { EndpointGuard } from './endpoint-guard.ts';

const { signal } = new AbortController();
const guardOf = (url: string, endpoint: string) => new EndpointGuard({ url, endpoint, clock: systemClock, signal });
const credentials = { user: 'me', password: 'hunter2' };

test('a login that stands in the address is not shown either', async () => {
  await using camera = await startOnvifCamera({ credentials, quirks: { saysLittleOfItself: true } });
  await guardOf(camera.url.replace('//', '//me:hunter2@'), camera.endpoint).confirm();
  expect(camera.operations).toContain('GetEndpointReference');
  expect(camera.requests.filter(({ hasToken }) => hasToken)).toEqual([]);
});

test('a link-local address with its zone is an address', async () => {
  const guard = guardOf('http://[fe80::1%25nowhere0]:1/onvif/device_service', 'urn:uuid:a');
  await expect(guard.confirm()).rejects.toMatchObject({ name: 'PerchError' });
});
