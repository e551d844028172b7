import { createSocket } from 'node:dgram';
import type { NetworkInterfaceInfo } from 'node:os';
import { expect, type TestContext, test } from 'vitest';
import { freeUdpPort } from '../../../test/support/base/free-udp-port.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { Announcements } from './announcements.ts';

const loopback = (address: string): NetworkInterfaceInfo => ({
  address,
  netmask: '255.0.0.0',
  family: 'IPv4',
  mac: '00:00:00:00:00:00',
  internal: true,
  cidr: `${address}/8`,
});

const HELLO = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
  xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">
  <s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Hello</a:Action><a:MessageID>urn:uuid:2</a:MessageID>
  <a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body><d:Hello>
  <a:EndpointReference><a:Address>urn:uuid:1</a:Address></a:EndpointReference></d:Hello></s:Body></s:Envelope>`;

/** Announcements on a link with these addresses, and cameras that say Hello. */
async function openLink(context: TestContext, ...first: string[]) {
  const port = await freeUdpPort();
  const heard: string[] = [];
  let addresses: readonly string[] = first;
  const announcements = new Announcements(
    {
      ...{ clock: systemClock, log: silentLogger, port, includeLoopback: true, only: ['lo'] },
      interfaces: () => ({ lo: addresses.map(loopback) }),
    },
    ({ kind }, address) => heard.push(`${kind} ${address}`),
  );
  context.onTestFinished(() => announcements.close());
  announcements.refresh();
  const sender = createSocket('udp4');
  context.onTestFinished(() => void sender.close());
  await new Promise<void>((resolve) => {
    sender.bind(0, '127.0.0.1', resolve);
  });
  sender.setMulticastInterface('127.0.0.1');
  return {
    /** @returns whether the addresses differ from those of the last time */
    become: (...next: string[]) => {
      addresses = next;
      return announcements.refresh();
    },
    /** Resolves when a Hello is received. Its sender has not joined the group: one member on a machine receives for all others. */
    isHeard: async () => {
      heard.length = 0;
      await expect
        .poll(() => {
          sender.send(HELLO, port, '239.255.255.250');
          return heard;
        })
        .toContain('hello 127.0.0.1');
    },
  };
}

test('a Hello is heard after the link was lost and came back', async (context) => {
  const link = await openLink(context, '127.0.0.1');
  await link.isHeard();
  expect(link.become()).toBe(true);
  expect(link.become('127.0.0.1')).toBe(true);
  await link.isHeard();
});

test('a Hello is heard after the first of two addresses of a link went, which held the membership for both', async (context) => {
  const link = await openLink(context, '127.0.0.1', '127.0.0.2');
  await link.isHeard();
  expect(link.become('127.0.0.2')).toBe(true);
  await link.isHeard();
  expect(link.become('127.0.0.2')).toBe(false);
  await link.isHeard();
});
