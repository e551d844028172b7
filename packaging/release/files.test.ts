import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../agent/config/load/load.ts';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { CONTAINER_TOOLS } from '../container/container.ts';
import { IMAGE_TOOLS } from '../image/tools.ts';
import { fill, makeAddOn, makeFleet, releaseNotes } from './files.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

test("GitHub's job installs the programs of a release, and names no registry", () => {
  const text = read('.github/workflows/release.yml');
  const { jobs } = parse(text);
  const steps = jobs.build.steps as { name: string; run?: string }[];
  const installed = steps.find(({ name }) => name === 'Install programs')?.run?.split(/\s+/);
  expect(installed).toEqual(
    expect.arrayContaining(
      Object.values({ ...CONTAINER_TOOLS, ...IMAGE_TOOLS }).filter((name) => !['gzip', 'util-linux'].includes(name)),
    ),
  );
  expect(text).not.toMatch(/\b(?:ghcr|docker|quay)\.io\b/);
});

test("no program of the build runs on the machine with the keys, and the job's tools are pinned", () => {
  const text = read('.github/workflows/release.yml');
  const { jobs } = parse(text);
  expect(JSON.stringify(jobs.build)).not.toMatch(/secrets\.|github\.token/);
  expect(jobs.build.permissions).toEqual({ contents: 'read' });
  expect(jobs.publish).toMatchObject({ needs: 'build', environment: 'release' });
  const steps = Object.values(jobs).flatMap((job) => (job as { steps: { uses?: string; with?: object }[] }).steps);
  const used = steps.filter(({ uses }) => uses !== undefined);
  expect(used.every(({ uses }) => /^actions\/[a-z-]+@[0-9a-f]{40}$/.test(uses ?? ''))).toBe(true);
  const checkouts = used.filter(({ uses }) => uses?.startsWith('actions/checkout@'));
  expect(checkouts.map((step) => step.with)).toEqual([
    { 'persist-credentials': false },
    { 'persist-credentials': false },
  ]);
});

test('the compose file keeps the root read-only, drops all rights and has a volume for the data', () => {
  const { services } = parse(fill(read('packaging/container/compose.yaml'), 'registry.invalid/perch', '1.2.3~rc1'));
  expect(services.perch).toMatchObject({
    image: 'registry.invalid/perch:1.2.3-rc1',
    network_mode: 'host',
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    volumes: ['perch-data:/data'],
  });
});

test('the compose file of a server makes it one by its name, and opens its ports', () => {
  const text = fill(read('packaging/container/compose-server.yaml'), 'registry.invalid/perch', '1.2.3~rc1');
  const { services } = parse(text);
  expect(services.perch).toMatchObject({
    image: 'registry.invalid/perch:1.2.3-rc1',
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    sysctls: { 'net.ipv4.ip_unprivileged_port_start': 0 },
    command: ['--server', expect.stringMatching(/^\$\{DOMAIN:\?/)],
    ports: ['80:80', '443:443', '8189:8189', '8189:8189/udp'],
    volumes: ['perch-data:/data'],
  });
});

test('the archive of a fleet names the container, and has all that its compose file mounts but keys and certificates', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-fleet-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const options = { version: '1.2.3~rc1', time: 1_700_000_000, folder, packing: 'quick' } as const;
  const file = await makeFleet('registry.invalid/perch', options);
  const read = (name: string) => execFileSync('tar', ['-xzOf', file, `./perch-fleet/${name}`], { encoding: 'utf8' });
  expect(read('env.example')).toContain('\nPERCH_IMAGE=registry.invalid/perch:1.2.3-rc1\n');
  const { services } = parse(read('compose.yaml'), { merge: true }) as {
    readonly services: Readonly<Record<string, { readonly volumes: readonly string[] }>>;
  };
  const mounted = Object.values(services).flatMap(({ volumes }) => volumes.map((volume) => volume.split(':')[0] ?? ''));
  const files = [...new Set(mounted.filter((name) => name.startsWith('./')))].sort();
  expect(files).toEqual(['./fleet.conf', './haproxy.cfg', './nats.conf', './perch.yml', './tls']);
  for (const name of ['haproxy.cfg', 'nats.conf', 'perch.yml']) {
    expect(read(name)).toMatch(/^#/);
  }
});

test('the add-on for Home Assistant names the container and keeps recordings out of backups', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-add-on-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const options = { version: '1.2.3', time: 1_700_000_000, folder, packing: 'quick' } as const;
  const file = await makeAddOn('registry.invalid/perch', options);
  const names = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' }).trim().split('\n');
  const add = ['CHANGELOG.md', 'DOCS.md', 'config.yaml', 'icon.png'].map((name) => `./perch/${name}`);
  expect(names).toEqual(['./', './perch/', ...add, './repository.yaml']);
  const config = parse(execFileSync('tar', ['-xzOf', file, './perch/config.yaml'], { encoding: 'utf8' }));
  expect(config).toMatchObject({
    version: '1.2.3',
    slug: 'perch',
    image: 'registry.invalid/perch-home-assistant',
    arch: ['aarch64', 'amd64'],
    host_network: true,
    map: [{ type: 'media', read_only: false }],
    environment: { FIRST_CONFIG: '/usr/share/perch/home-assistant.yml' },
    backup_exclude: ['*/recordings/*', '*/compiled/*'],
  });
});

test('the configuration of a fleet is valid, also that of its chart', () => {
  const defaults = { recordPath: '/data/recordings/%path/%Y-%m-%d_%H-%M-%S-%f', cwd: '/', keys: KEYS };
  const { config: chart } = parse(read('packaging/fleet/chart/values.yaml'));
  for (const text of [read('packaging/fleet/perch.yml'), JSON.stringify(chart)]) {
    const { config, problems } = parseConfig(text, 'perch.yml', {}, defaults);
    expect({ problems, server: config?.['server'], mdns: config?.mdns }).toEqual({
      problems: [],
      server: true,
      mdns: false,
    });
  }
});

test.for(['container/perch.yml', 'home-assistant/perch.yml'])('the first configuration %s is valid', (path) => {
  const defaults = { recordPath: '/data/recordings/%path/%Y-%m-%d_%H-%M-%S-%f', cwd: '/', keys: KEYS };
  const { config, problems } = parseConfig(read(`packaging/${path}`), 'perch.yml', {}, defaults);
  expect({ problems, address: config?.address }).toEqual({ problems: [], address: ':8080' });
});

const CHANGELOG = `# Changes

## 1.3.0 (not released)

### Added

- More.

## 1.2.0 (2026-12-24)

### Fixed

- A fault.

## 1.1.0 (2026-11-01)

- Old.
`;

test('the notes of a release are the section of its version', () => {
  expect(releaseNotes(CHANGELOG, '1.2.0', 'v1.2.0')).toBe('### Fixed\n\n- A fault.\n');
  expect(releaseNotes(CHANGELOG, '1.1.0', undefined)).toBe('- Old.\n');
});

test('a version without a date can be tried, but not released with a tag', () => {
  expect(releaseNotes(CHANGELOG, '1.3.0', undefined)).toBe('### Added\n\n- More.\n');
  expect(() => releaseNotes(CHANGELOG, '1.3.0', 'v1.3.0')).toThrow(
    'CHANGELOG.md has "not released" instead of a date such as 2026-12-24 for version 1.3.0',
  );
});

test('a tag of another version and a version without a section are rejected', () => {
  expect(() => releaseNotes(CHANGELOG, '1.2.0', 'v1.2.1')).toThrow(
    'the tag v1.2.1 is not of version 1.2.0 in package.json, whose tag is v1.2.0',
  );
  expect(() => releaseNotes(CHANGELOG, '2.0.0', undefined)).toThrow('CHANGELOG.md has no section "## 2.0.0 (DATE)"');
});
