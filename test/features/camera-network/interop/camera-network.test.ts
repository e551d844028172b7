import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { CameraNetworkAnswer } from '../../../../agent/features/camera-network/routes.ts';
import { openCameraNetwork } from '../../../peers/host/camera-network.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const PEERS = ['namespaces', 'dnsmasq', 'nft', 'udhcpc', 'busybox', 'chrony'] as const;

describeWith(PEERS, 'a network for cameras', () => {
  test('a camera gets address, names and time from the box, reaches nothing else, and the internet for an hour', async () => {
    await using net = await openCameraNetwork();
    const state = async () => (await net.ask<CameraNetworkAnswer>('GET')).body;
    const off = await state();
    expect(off).toMatchObject({ supported: true, missing: [], interface: null, cameras: [] });
    expect(off.ports.map(({ name, obstacle }) => [name, obstacle])).toEqual([
      ['cam0', null],
      ['cam1', null],
      [net.box.farInterface, 'defaultRoute'],
    ]);
    const rules = await net.inBox('nft', 'list', 'ruleset');
    const addresses = await net.inBox('ip', '-4', '-o', 'addr');

    // Refused: the way to the internet, what is no port, and a port where another DHCP server answers.
    const refused = await net.ask<{ error: string }>('PUT', '', { interface: net.box.farInterface });
    expect(refused.status).toBe(400);
    expect(refused.body.error).toContain('the way to the internet goes through it');
    expect((await net.ask('PUT', '', { interface: 'nothing' })).status).toBe(400);
    await net.inBox('ip', 'link', 'set', 'cam1', 'up');
    await net.startDhcp(net.otherNet);
    await net.inBox('ip', 'link', 'set', 'cam1', 'down');
    const answered = await net.ask<{ error: string }>('PUT', '', { interface: 'cam1' });
    expect(answered.body.error).toContain('cam1 cannot be for cameras: the DHCP server 172.30.9.1 answers there');
    expect(await state()).toMatchObject({ interface: null });
    expect(await net.inBox('ip', '-br', 'link', 'show', 'dev', 'cam1')).toContain('DOWN');

    const on = await net.ask<CameraNetworkAnswer>('PUT', '', { interface: 'cam0' });
    expect(on.status).toBe(200);
    await expect.poll(state, { timeout: 30_000 }).toMatchObject({ interface: 'cam0', fault: null, time: true });
    const { address = '' } = { address: (await state()).address ?? '' };
    const lease = await net.lease();
    expect(lease).toMatchObject({ router: address, dns: address, ntp: address });
    const camera = lease['address'] ?? '';
    const [seen] = (await state()).cameras;
    expect(seen).toMatchObject({ address: camera, path: null, releasedUntil: null });

    // A real client of NTP compares its clock with the box's.
    const time = await net.inCamera('chronyd', '-Q', '-u', 'root', '-t', '20', `server ${address} iburst`);
    expect(time.output).toMatch(/System clock wrong by -?0\.\d+ seconds/);

    // Nor its page, its API at another address of the box, RTSP or SSH.
    const closed = [
      ...[
        [net.internet, net.port],
        [net.box.hostIp, net.port],
        [address, net.perchPort],
        [net.box.ip, net.perchPort],
      ],
      ...[
        [address, 8_554],
        [address, 22],
        [address, 10_053],
      ],
    ] as const;
    const shut = async () => {
      const answers = await Promise.all(closed.map(([host, port]) => net.fromCamera(`${host}`, Number(port))));
      expect(answers).toEqual(closed.map(() => 'silent'));
      const { output } = await net.inCamera('busybox', 'nslookup', 'update.example', address);
      expect(output).not.toContain('9.9.9.9');
    };
    await shut();
    // A web page of the camera: the box reaches it, the house does not.
    const web = net.startIn(`${net.box.name}-cam`, 'busybox', 'nc', '-lk', '-p', '80', '-e', 'echo');
    await expect.poll(() => net.fromBox(camera, 80), { timeout: 20_000 }).toBe('reached');
    const routed = net.startHere('ip', 'route', 'add', `${camera}/32`, 'via', net.box.ip);
    expect(await routed.exited).toBe(0);
    await net.inBox('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/forwarding');
    expect(await net.fromHouse(camera, 80)).toBe('silent');
    await shut();
    await net.inBox('sh', '-c', 'echo 0 > /proc/sys/net/ipv4/conf/all/forwarding');

    // Released: the internet and its names, not the house, and nothing from there.
    const dns = net.startHere(
      'dnsmasq',
      ...['-k', '--conf-file=/dev/null', '--log-facility=-', '--pid-file=', '--no-resolv', '--bind-interfaces'],
      ...[`--listen-address=${net.internet}`, '--except-interface=lo', '--address=/update.example/9.9.9.9'],
    );
    await dns.waitFor(/started/);
    const mac = seen?.mac ?? '';
    expect((await net.ask('POST', '/release', { mac: '02:00:00:00:00:99' })).status).toBe(400);
    const released = await net.ask<CameraNetworkAnswer>('POST', '/release', { mac });
    const leftMs = Date.parse(released.body.cameras[0]?.releasedUntil ?? '') - Date.now();
    expect(leftMs).toBeGreaterThan(59 * 60_000);
    expect(leftMs).toBeLessThanOrEqual(60 * 60_000);
    expect(await net.fromCamera(net.internet)).toBe('reached');
    expect((await net.inCamera('busybox', 'nslookup', 'update.example', address)).output).toContain('9.9.9.9');
    expect(await net.fromCamera(net.box.hostIp)).toBe('silent');
    expect(await net.fromCamera(address, net.perchPort)).toBe('silent');
    expect(await net.fromHouse(camera, 80)).toBe('silent');
    const withdrawn = await net.ask<CameraNetworkAnswer>('POST', '/withdraw', { mac });
    expect(withdrawn.body.cameras[0]?.releasedUntil).toBeNull();
    await shut();

    // The hour ends by itself; here it has three seconds.
    writeFileSync(net.service, readFileSync(net.service, 'utf8').replace('hour=3600', 'hour=3'));
    await net.ask('POST', '/release', { mac });
    expect(await net.fromCamera(net.internet)).toBe('reached');
    await expect.poll(() => net.fromCamera(net.internet), { timeout: 20_000 }).toBe('silent');
    await shut();
    const forwarding = () => net.inBox('sh', '-c', 'cat /proc/sys/net/ipv4/conf/*/forwarding');
    await expect.poll(forwarding, { timeout: 30_000 }).not.toContain('1');

    // Switched off, nothing is left.
    await web.stop();
    expect((await net.ask('PUT', '', { interface: null })).status).toBe(200);
    expect(await state()).toMatchObject({ interface: null, address: null, time: false, cameras: [] });
    expect(await net.inBox('nft', 'list', 'ruleset')).toBe(rules);
    expect(await net.inBox('ip', '-4', '-o', 'addr')).toBe(addresses);
    expect(
      await net.inBox('sh', '-c', 'ls /var/lib/perch-cameras /run/perch-cameras 2> /dev/null || true'),
    ).not.toMatch(/network|leases/);
  }, 180_000);
});
