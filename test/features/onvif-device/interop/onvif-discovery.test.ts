import { expect, test } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { Responder } from '../../../../agent/features/onvif-device/server/discovery/responder.ts';
import { writeProbe } from '../../../../agent/onvif/discovery/probe.ts';
import { linkLocal, type Namespace, openNamespace } from '../../../peers/host/namespace.ts';
import { describeWith, PYTHON } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { freeUdpPort } from '../../../support/base/free-udp-port.ts';

/** Sends a probe three times, and prints the source port and the XAddrs of each answer. */
const PROBE = `
import re, socket, sys, time
interface, address, port, probe = sys.argv[1:]
family = socket.AF_INET6 if ':' in address else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(0.2)
to = (address, int(port), 0, socket.if_nametoindex(interface)) if family == socket.AF_INET6 else (address, int(port))
ends = time.time() + 3
while time.time() < ends:
    s.sendto(probe.encode(), to)
    try:
        text, source = s.recvfrom(65536)
    except socket.timeout:
        continue
    print('ANSWER', source[1], re.search(r'<d:XAddrs>(.*?)</d:XAddrs>', text.decode()).group(1))
    break
`;
const PORT = 3702;

async function probe({ name, farInterface }: Namespace, address: string, sentTo = PORT) {
  const { text } = writeProbe('dn:NetworkVideoTransmitter');
  const python = [PYTHON, '-c', PROBE, farInterface, address, String(sentTo), text];
  const { output } = await runProcess('ip', ['netns', 'exec', name, ...python]);
  const [, port, urls = ''] = /^ANSWER (\d+) (.*)$/m.exec(output) ?? [output];
  return { isFromPort: Number(port) === sentTo, urls: urls.split(' ') };
}

/** A Perch with a camera in this network. */
function respondIn(house: Namespace, port = PORT) {
  const responder = new Responder({
    ...{ clock: systemClock, log: silentLogger, perch: '0123456789', only: [house.hostInterface], port },
  });
  const streams = [{ token: 'main', path: 'door' }] as const;
  responder.setCameras([{ path: 'door', name: 'Door', streams, port: 8600, error: undefined }]);
  return Object.assign(responder, { [Symbol.asyncDispose]: () => responder.close() });
}

describeWith(['namespaces'], 'WS-Discovery of the cameras that Perch offers', () => {
  test('probes to the groups of IPv4 and IPv6 are answered, over IPv6 with both addresses', async () => {
    await using house = await openNamespace();
    const near = await linkLocal([], house.hostInterface);
    await linkLocal(['-n', house.name], house.farInterface);
    await using responder = respondIn(house);
    const [ipv4, ipv6] = [house.hostIp, `[${near}]`].map((host) => `http://${host}:8600/onvif/device_service`);
    expect(await probe(house, '239.255.255.250')).toEqual({ isFromPort: false, urls: [ipv4] });
    expect(await probe(house, 'ff02::c')).toEqual({ isFromPort: false, urls: [ipv4, ipv6] });
    expect(responder.error).toBeUndefined();
  });

  test('probes to its addresses alone are answered from the port that they were sent to', async () => {
    await using house = await openNamespace();
    const near = await linkLocal([], house.hostInterface);
    await linkLocal(['-n', house.name], house.farInterface);
    // Programs of concurrent suites have the usual port, and then receive what is sent to it.
    const port = await freeUdpPort();
    await using responder = respondIn(house, port);
    expect((await probe(house, house.hostIp, port)).isFromPort).toBe(true);
    expect((await probe(house, near, port)).isFromPort).toBe(true);
    expect(responder.error).toBeUndefined();
  });

  test('a recorder beyond a router of the house finds them by their address', async () => {
    await using house = await openNamespace();
    await using far = await openNamespace({ behind: house });
    const port = await freeUdpPort();
    await using responder = respondIn(house, port);
    const answer = await probe(far, house.hostIp, port);
    expect(answer).toEqual({ isFromPort: true, urls: [`http://${house.hostIp}:8600/onvif/device_service`] });
    expect(responder.error).toBeUndefined();
  });
});
