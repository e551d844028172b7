import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseConfig } from '../../agent/config/load/load.ts';
import { type DebOptions, makeNodeDeb, makeObjectsDeb, makePerchDeb } from '../../packaging/debian.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { KEYS } from '../support/harness/loaded-config.ts';

const TIME = 1_700_000_000;
const FILES = new Map([
  ['agent/perch.cjs', Buffer.from('process.exit(0);\n')],
  ['webui/dist/index.html', Buffer.from('<!doctype html>')],
]);

describeWith(['dpkg-deb'], 'packages for Debian', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'perch-packages-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const options = (more: Partial<DebOptions> = {}): DebOptions => ({
    version: '1.2.3',
    time: TIME,
    folder,
    packing: 'quick',
    ...more,
  });
  const dpkg = (...args: string[]) => execFileSync('dpkg-deb', args, { encoding: 'utf8' });
  const unpacked = (file: string): string => {
    const to = join(folder, 'unpacked');
    dpkg('--raw-extract', file, to);
    return to;
  };

  test('the same files make the same package on any machine', async () => {
    const first = readFileSync(await makePerchDeb(FILES, options()));
    const umask = process.umask(0o077);
    try {
      expect(readFileSync(await makePerchDeb(FILES, options())).equals(first)).toBe(true);
    } finally {
      process.umask(umask);
    }
  });

  test('perch is for every machine, needs a Node that can run it, and belongs to root', async () => {
    const file = await makePerchDeb(FILES, options());
    expect(file).toBe(join(folder, 'perch_1.2.3_all.deb'));
    expect(dpkg('--field', file, 'Version', 'Architecture', 'Depends')).toBe(
      'Version: 1.2.3\nArchitecture: all\nDepends: perch-node | nodejs (>= 22.13), systemd\n',
    );
    // For the battery's clock, the network for cameras, the health of drives, and phones away from home.
    expect(dpkg('--field', file, 'Recommends')).toBe(
      'util-linux-extra, dnsmasq-base, nftables, smartmontools, udhcpc, wireguard-tools\n',
    );
    const list = dpkg('--contents', file).trimEnd().split('\n');
    expect(list.every((line) => / root\/root /.test(line))).toBe(true);
    const modeOf = (path: string) => list.find((line) => line.endsWith(` ./${path}`))?.slice(0, 10);
    expect(modeOf('usr/lib/perch/run')).toBe('-rwxr-xr-x');
    expect(modeOf('usr/bin/perch')).toBe('-rwxr-xr-x');
    expect(modeOf('usr/lib/perch/agent/perch.cjs')).toBe('-rw-r--r--');
    expect(modeOf('usr/lib/systemd/system/perch.service')).toBe('-rw-r--r--');
  });

  test('the configuration is not a file of the package, but created from one, and is valid', async () => {
    const root = unpacked(await makePerchDeb(FILES, options()));
    expect(() => statSync(join(root, 'etc'))).toThrow();
    expect(() => statSync(join(root, 'DEBIAN/conffiles'))).toThrow();
    const text = readFileSync(join(root, 'usr/share/perch/perch.yml'), 'utf8');
    const defaults = { recordPath: '/var/lib/perch/%path/%s-%f', cwd: '/', keys: KEYS };
    const { config, problems } = parseConfig(text, 'perch.yml', {}, defaults);
    expect(problems).toEqual([]);
    expect(config).toMatchObject({ isOwn: true, address: ':80' });
  });

  test("perch-node is the program and its licence, below Perch's own folder", async () => {
    const file = await makeNodeDeb('arm64', { node: Buffer.from('node'), license: Buffer.from('licence') }, options());
    expect(file).toBe(join(folder, 'perch-node_1.2.3_arm64.deb'));
    const root = unpacked(file);
    const node = join(root, 'usr/lib/perch/node/bin/node');
    expect([readFileSync(node, 'utf8'), statSync(node).mode & 0o777, statSync(node).mtimeMs]).toEqual([
      'node',
      0o755,
      TIME * 1_000,
    ]);
    expect(dpkg('--field', file, 'Architecture')).toBe('arm64\n');
  });

  test('perch-objects is for every machine, where Perch looks for it', async () => {
    const files = new Map([
      ['model.onnx', Buffer.from('model')],
      ['runtime/run.wasm', Buffer.from('runtime')],
    ]);
    const file = await makeObjectsDeb(files, options());
    expect(file).toBe(join(folder, 'perch-objects_1.2.3_all.deb'));
    expect(dpkg('--field', file, 'Architecture', 'Depends')).toBe('Architecture: all\nDepends: perch\n');
    const list = dpkg('--contents', file).trimEnd().split('\n');
    const ours = list.flatMap((line) => / \.\/(usr\/lib\/.+[^/])$/.exec(line)?.[1] ?? []);
    expect(ours).toEqual(['usr/lib/perch/objects/model.onnx', 'usr/lib/perch/objects/runtime/run.wasm']);
  });
});
