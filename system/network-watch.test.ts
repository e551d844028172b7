import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import type { Interfaces } from '../agent/base/network/interfaces.ts';
import { FakeClock } from '../test/support/base/fake-clock.ts';
import { NetworkWatch } from './network-watch.ts';

const at = (address: string): NetworkInterfaceInfo => ({
  ...{ address, netmask: '255.255.255.0', family: 'IPv4', mac: '02:00:00:00:00:01', internal: false },
  cidr: `${address}/24`,
});

function watched(first: Interfaces) {
  const clock = new FakeClock();
  const machine = { interfaces: first };
  const watch = new NetworkWatch(clock, () => machine.interfaces);
  let notified = 0;
  const end = watch.onChange(() => {
    notified += 1;
  });
  return { clock, machine, watch, end, notified: () => notified };
}

test('listeners are notified when an address is added, replaced and removed', async () => {
  const { clock, machine, watch, notified } = watched({});
  await clock.advance(60_000);
  expect(notified()).toBe(0);

  machine.interfaces = { eth0: [at('192.0.2.5')] };
  await clock.advance(5_000);
  expect(notified()).toBe(1);
  expect(watch.interfaces).toEqual(machine.interfaces);
  machine.interfaces = { eth0: [at('192.0.2.6')] };
  await clock.advance(5_000);
  expect(notified()).toBe(2);
  machine.interfaces = {};
  await clock.advance(5_000);
  expect(notified()).toBe(3);
});

test('the same addresses in another order are not a change, nor is an interface without addresses', async () => {
  const { clock, machine, notified } = watched({
    eth0: [at('192.0.2.5'), at('192.0.2.6')],
    wlan0: [at('198.51.100.1')],
  });
  machine.interfaces = {
    wlan0: [at('198.51.100.1')],
    eth0: [at('192.0.2.6'), at('192.0.2.5')],
    eth1: undefined,
  };
  await clock.advance(60_000);
  expect(notified()).toBe(0);
});

test('a removed listener is not notified, and the watch stops at its end', async () => {
  const { clock, machine, watch, end, notified } = watched({});
  end();
  machine.interfaces = { eth0: [at('192.0.2.5')] };
  await clock.advance(5_000);
  expect(notified()).toBe(0);
  watch.close();
  expect(clock.sleeping).toBe(0);
});
