import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'vitest';

/** A Python with PyPI's `av`, a current FFmpeg: `.ci/run` makes it. */
export const AV_PYTHON = process.env['PERCH_AV_PYTHON'] ?? '/opt/perch-peers/bin/python';

/** A Python with PyPI's `moto`: the same. */
export const MOTO_PYTHON = AV_PYTHON;

/** Other programs that tests run against Perch, and a file that exists if they are installed. */
const PEERS = {
  ffmpeg: ['/usr/bin/ffmpeg', '/usr/local/bin/ffmpeg'],
  chromium: ['/usr/bin/chromium', '/usr/bin/chromium-browser'],
  'chromium-headless-shell': ['/usr/lib/chromium/chromium-headless-shell'],
  gstreamer: [
    '/usr/lib/x86_64-linux-gnu/girepository-1.0/GstRtspServer-1.0.typelib',
    '/usr/lib/aarch64-linux-gnu/girepository-1.0/GstRtspServer-1.0.typelib',
  ],
  webrtcbin: [
    '/usr/lib/x86_64-linux-gnu/girepository-1.0/GstWebRTC-1.0.typelib',
    '/usr/lib/aarch64-linux-gnu/girepository-1.0/GstWebRTC-1.0.typelib',
  ],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
  curl: ['/usr/bin/curl'],
  script: ['/usr/bin/script'],
  nginx: ['/usr/sbin/nginx'],
  nginxRtmp: ['/usr/lib/nginx/modules/ngx_rtmp_module.so'],
  nginxStream: ['/usr/lib/nginx/modules/ngx_stream_module.so'],
  av: [AV_PYTHON],
  aiosmtpd: [join(dirname(AV_PYTHON), 'aiosmtpd')],
  'onvif-zeep-async': ['3.11', '3.13'].map((version) =>
    join(dirname(AV_PYTHON), `../lib/python${version}/site-packages/onvif`),
  ),
  apache: ['/usr/sbin/apache2'],
  avahi: ['/usr/sbin/avahi-daemon'],
  // Statically linked: it runs in a root without libraries.
  busybox: ['/usr/share/doc/busybox-static'],
  patchelf: ['/usr/bin/patchelf'],
  'qemu-aarch64': ['/usr/bin/qemu-aarch64-static'],
  'dpkg-deb': ['/usr/bin/dpkg-deb'],
  caddy: ['/usr/bin/caddy'],
  haproxy: ['/usr/sbin/haproxy'],
  pebble: ['/usr/bin/pebble-challtestsrv'],
  moto: [MOTO_PYTHON.replace(/python$/, 'moto_server')],
  mosquitto: ['/usr/sbin/mosquitto'],
  postgresql: ['13', '15', '17'].map((version) => `/usr/lib/postgresql/${version}/bin/postgres`),
  'nats-server': ['/usr/sbin/nats-server'],
  prometheus: ['/usr/bin/prometheus'],
  nft: ['/usr/sbin/nft'],
  mmdebstrap: ['/usr/bin/mmdebstrap'],
  qemu: ['/usr/bin/qemu-system-x86_64'],
  'qemu-arm': ['/usr/bin/qemu-system-aarch64'],
  ssh: ['/usr/bin/ssh'],
  obs: ['/usr/bin/obs'],
  xvfb: ['/usr/bin/Xvfb'],
  tshark: ['/usr/bin/tshark'],
  certutil: ['/usr/bin/certutil'],
  pynacl: ['/usr/lib/python3/dist-packages/nacl/__init__.py'],
  signify: ['/usr/bin/signify-openbsd'],
  'srt-tools': ['/usr/bin/srt-live-transmit'],
  'clang-14': ['/usr/bin/clang-14'],
  'lld-14': ['/usr/bin/wasm-ld-14'],
  'wasi-libc': ['/usr/lib/wasm32-wasi/libc.a'],
  binaryen: ['/usr/bin/wasm-opt'],
  dnsmasq: ['/usr/sbin/dnsmasq'],
  miniupnpd: ['/usr/sbin/miniupnpd'],
  'wireguard-tools': ['/usr/bin/wg'],
  'wireguard-go': ['/usr/bin/wireguard-go'],
  udhcpc: ['/usr/sbin/udhcpc', '/usr/bin/udhcpc'],
  chrony: ['/usr/sbin/chronyd'],
  aiortc: ['/usr/lib/python3/dist-packages/aiortc/__init__.py'],
  npm: ['/usr/bin/npm', '/usr/local/bin/npm'],
  // Fetched and converted by `agent/features/objects/model/fetch.ts`.
  'object-model': [join(import.meta.dirname, '../../../node_modules/.cache/object-model/model.onnx')],
} as const;

/** Provided by the machine, not by a package: separate file systems, in memory and (with a freeze) in a file. */
type Permit = 'mounts' | 'loop mounts' | 'root';

/** `namespaces`: separate networks, which need root and `ip`. */
export type Peer = keyof typeof PEERS | 'namespaces' | Permit;

/** Debian's own Python, with the GObject bindings. */
export const PYTHON = '/usr/bin/python3';

const pathOf = (peer: keyof typeof PEERS): string | undefined => PEERS[peer].find((path) => existsSync(path));

const PERMITS: Readonly<Record<Permit, () => boolean>> = {
  root: () => process.getuid?.() === 0,
  mounts: () => canMount('mount -t tmpfs -o size=64k perch-test "$folder"'),
  'loop mounts': () =>
    canMount(
      'truncate -s 16M "$folder.image" && mkfs.ext4 -q -F "$folder.image" && mount -o loop "$folder.image" "$folder" && fsfreeze --version',
    ),
};
const isPermit = (peer: Peer): peer is Permit => peer in PERMITS;

function isThere(peer: Peer): boolean {
  if (peer === 'namespaces') {
    return canMakeNamespaces();
  }
  return isPermit(peer) ? PERMITS[peer]() : pathOf(peer) !== undefined;
}

function canMount(mount: string): boolean {
  const script = `folder=$(mktemp -d) && { ${mount}; }; code=$?; umount "$folder"; rm -rf "$folder.image"; rmdir "$folder"; exit $code`;
  return spawnSync('sh', ['-c', script]).status === 0;
}

function canMakeNamespaces(): boolean {
  const name = `perch-${process.pid}-try`;
  const ip = (...args: string[]) => spawnSync('ip', ['netns', ...args]).status === 0;
  return ip('add', name) && ip('del', name);
}

export const CHROMIUM = pathOf('chromium') ?? '/usr/bin/chromium';
export const FIREFOX = pathOf('firefox') ?? '/usr/bin/firefox-esr';

/**
 * A suite that needs these peers. It is skipped with a message if one is missing; with PERCH_REQUIRE_PEERS=1 a missing peer is a
 * failure, unless only the machine can provide it.
 */
export function describeWith(peers: readonly Peer[], name: string, body: () => void): void {
  const missing = peers.filter((peer) => !isThere(peer));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const reason = `${missing.join(' and ')} not there`;
  if (process.env['PERCH_REQUIRE_PEERS'] === '1' && !missing.every(isPermit)) {
    test(`${name}: its peers are installed`, () => {
      throw new Error(`${reason}, and PERCH_REQUIRE_PEERS=1`);
    });
    return;
  }
  process.stderr.write(`skipped: ${name}: ${reason}\n`);
  describe.skip(name, body);
}

export type Length = 'short' | 'long' | 'system';

/** One of three lengths of the same suites. */
export const LENGTH = (process.env['PERCH_LENGTH'] ?? 'short') as Length;

/** In the short length Chromium's engine without its windows, which opens a page for a third of the CPU time. */
export const HEADLESS = (LENGTH === 'short' ? pathOf('chromium-headless-shell') : undefined) ?? CHROMIUM;

/** A count, a duration or a list of cases that depends on the length of the run. */
export const byLength = <T>(short: T, long: T): T => (LENGTH === 'short' ? short : long);

/**
 * Cases of a matrix: the named ones in the short length, each by its first columns, otherwise all. Name the cases most likely to fail, one
 * for each behaviour.
 */
export function inShort<T extends string | number | readonly unknown[]>(
  cases: readonly T[],
  ...names: readonly string[]
): readonly T[] {
  const isNamed = (one: T, name: string) => `${Array.isArray(one) ? one.join(' ') : one} `.startsWith(`${name} `);
  const unknown = names.filter((name) => !cases.some((one) => isNamed(one, name)));
  if (unknown.length > 0) {
    throw new Error(`no such case: ${unknown.join(', ')}`);
  }
  return LENGTH === 'short' ? cases.filter((one) => names.some((name) => isNamed(one, name))) : cases;
}

/** Tests that the short length omits, because another one proves the same: they are not defined in it. */
export function inLong(define: () => void): void {
  if (LENGTH !== 'short') {
    define();
  }
}
