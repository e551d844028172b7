import { expect, test } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { openHandedOverAddress } from '../../../test/support/cameras/handed-over-address.ts';
import { systemClock as clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { listProfiles } from '../../onvif/device/media.ts';
import { Snapshots } from '../../onvif/device/snapshots.ts';
import { PullPoint } from '../../onvif/events/pull-point.ts';
import { LoginMemory } from '../../onvif/soap/login/login-memory.ts';
import { EndpointGuard, openGuarded } from './endpoint-guard.ts';
import { requireSameCamera } from './identity.ts';

const { signal } = new AbortController();
const login = { user: 'door', password: 'of the door' };

/** All requests to a camera from the first one to its first events. */
async function listen(url: string, { endpoint, state }: OnvifCamera): Promise<void> {
  const logins = new LoginMemory(clock);
  const { session } = await openGuarded({ url, ...login, signal, clock, logins }, endpoint);
  await requireSameCamera(session, state.identity.serial);
  await listProfiles(session);
  const point = await PullPoint.create(session, clock);
  await point.pull(1_000, signal);
  await point.renew(signal);
  await point.end();
}

const notReached = (error: unknown): void => {
  if (!(error instanceof PerchError)) {
    throw error;
  }
};

const LOGINS: Readonly<Record<string, Quirks>> = { 'a token': {}, 'HTTP Digest': { login: 'digest' } };

/** All requests to the door's camera, each with the moments at which the yard's may take its address. */
async function swapEverywhere(quirks: Quirks, speak: (url: string, door: OnvifCamera) => Promise<void>): Promise<void> {
  await using door = await startOnvifCamera({ credentials: login, quirks });
  await using yard = await startOnvifCamera({ credentials: { user: 'yard', password: 'of the yard' } });
  await using address = await openHandedOverAddress([door.port, yard.port]);
  const url = `http://${address.host}:${door.port}/onvif/device_service`;
  await speak(url, door);
  const { connections } = address;
  for (let i = 0; i < connections; i += 1) {
    address.handOverAfter(i);
    await speak(url, door).catch(notReached);
    expect([i, yard.state.wrongLogins]).toEqual([i, []]);
  }
  expect(yard.operations).toContain('GetEndpointReference');
}

test.for(Object.entries(LOGINS))(
  "when another device takes its address, a camera's %s login is not sent to that device",
  ([, quirks]) => swapEverywhere(quirks, listen),
);

test.for(Object.entries(LOGINS))(
  'when another device takes its address, a snapshot request with %s does not send the login to that device',
  ([, quirks]) =>
    swapEverywhere(quirks, async (url, { endpoint }) => {
      const guard = new EndpointGuard({ url, endpoint, clock, signal });
      const logins = new LoginMemory(clock);
      await new Snapshots({ url, ...login, guard, logins, maxBytes: 100_000 }).fetch(signal);
    }),
);

test('after a connection has ended, the device at the address is identified before it gets a login', async () => {
  await using door = await startOnvifCamera({ credentials: login });
  await using yard = await startOnvifCamera({ credentials: { user: 'yard', password: 'of the yard' } });
  await using address = await openHandedOverAddress([door.port, yard.port]);
  const url = `http://${address.host}:${door.port}/onvif/device_service`;
  const target = { url, ...login, signal, clock, logins: new LoginMemory(clock) };
  const { session } = await openGuarded(target, door.endpoint);
  await session.information();
  address.handOverAfter(0);
  address.cut();
  // The first call may still have used the connection that is cut.
  await expect(listProfiles(session)).rejects.toMatchObject({ name: 'PerchError' });
  await expect(listProfiles(session)).rejects.toThrow('another camera is at its address now');
  expect(yard.state.wrongLogins).toEqual([]);
});

test('a camera that announces keep-alive and never answers on the connection again is called on a new one', async () => {
  await using door = await startOnvifCamera({ credentials: login, quirks: { breaksKeepAlive: true } });
  await listen(door.url, door);
  expect(door.operations.at(-1)).toBe('Unsubscribe');
  expect(door.state.wrongLogins).toEqual([]);
});
