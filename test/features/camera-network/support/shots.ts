import { settled } from '../../../peers/browser/page-visit.ts';
import type { Shot } from '../../../screenshots/shots.ts';

/** As on a box with two ports. */
export function shots(door: string): readonly Shot[] {
  const port = (name: string, obstacle: string | null, connected = true) => ({ name, mac: '', connected, obstacle });
  const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
  const camera = (last: number, more: object) => {
    const known = { mac: `a4:14:37:0c:9e:${last}`, address: `10.83.83.${last}`, lastSeen: at(-last) };
    return { ...known, name: null, manufacturer: null, path: null, releasedUntil: null, ...more };
  };
  const off = {
    supported: true,
    missing: [],
    interface: null,
    address: null,
    fault: null,
    faultWhy: null,
    time: false,
  };
  const on = { ...off, interface: 'eth1', address: '10.83.83.1', time: true };
  const ports = [port('eth0', 'defaultRoute'), port('eth1', null), port('wlan0', 'wifi', false)];
  const cameras = [
    camera(20, { path: door, manufacturer: 'Hikvision' }),
    camera(21, { manufacturer: 'Reolink', name: 'RLC-810A', releasedUntil: at(43) }),
    camera(22, {}),
  ];
  const answered = (name: string, answer: object): Shot => ({
    ...{ name, place: '#/settings/system', sign: '.headline' },
    act: async (page) => {
      await page.route('**/v3/camera-network', (route) => route.fulfill({ json: answer }));
      await page.evaluate("location.hash = '#/settings/system/camera-network'");
      await settled(page, '.camera-network .row, .camera-network .message-card');
    },
  });
  return [
    answered('camera-network-off', { ...off, missing: ['dnsmasq-base', 'udhcpc'], ports, cameras: [] }),
    answered('camera-network-on', { ...on, ports, cameras }),
    answered('camera-network-fault', { ...on, ports, cameras: [], fault: 'x', faultWhy: 'dhcpServer', time: false }),
  ];
}
