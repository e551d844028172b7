import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import packageLock from '../package-lock.json' with { type: 'json' };
import { ARCHITECTURES, type Architecture, SUITE } from './debian.ts';
import { objectArchives } from './objects.ts';

/** A component of CycloneDX 1.5. */
interface Component {
  readonly type: 'library' | 'application';
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly object[];
  readonly hashes?: readonly object[];
  /** What it was made of, and the changes. */
  readonly pedigree?: object;
}

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}
type Lock = Readonly<Record<string, Locked>>;

/** What the page imports; for the agent they are development dependencies. */
export const PAGE_PACKAGES = ['@preact/signals', 'hls.js', 'preact'];

/** Identifiers of SPDX among the licences in package-lock.json. Others go by name. */
const SPDX = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', 'MPL-2.0']);

/** The npm packages that a box may run, Node included: all dependencies, and those of the page. */
export function npmComponents(lock: Lock = packageLock.packages): readonly Component[] {
  const ofPage = pagePackages(lock);
  const components: Component[] = Object.entries(lock)
    .filter(([path, { dev }]) => path !== '' && (dev !== true || ofPage.has(path)))
    .map(([path, { version = '', license, integrity }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const [algorithm = '', digest = ''] = integrity?.split('-', 2) ?? [];
      return {
        type: name.startsWith('node-linux-') ? 'application' : 'library',
        name,
        version,
        purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
        ...(license === undefined ? {} : { licenses: [licence(license)] }),
        ...(algorithm === 'sha512' && {
          hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
        }),
      };
    });
  // npm installs a version in several folders if other versions are in between.
  return [...new Map(components.map((component) => [component.purl, component])).values()];
}

function licence(text: string): object {
  if (/ (?:OR|AND|WITH) /.test(text)) {
    return { expression: text };
  }
  return { license: SPDX.has(text) ? { id: text } : { name: text } };
}

/** Packages of the page with their dependencies, by path in the lock file. */
function pagePackages(lock: Lock): ReadonlySet<string> {
  const found = new Set(PAGE_PACKAGES.map((name) => `node_modules/${name}`));
  for (const path of found) {
    for (const name of Object.keys(lock[path]?.dependencies ?? {})) {
      const own = `${path}/node_modules/${name}`;
      found.add(own in lock ? own : `node_modules/${name}`);
    }
  }
  return found;
}

/** @param controls paragraphs of control data: `Package: …` */
export function debianComponents(controls: readonly string[], suite: string): readonly Component[] {
  return controls.map((control) => {
    const [name, version, architecture] = ['Package', 'Version', 'Architecture'].map(
      (field) => new RegExp(`^${field}: (.+)$`, 'm').exec(control)?.[1] ?? '',
    ) as [string, string, string];
    const place = `arch=${architecture}&distro=${suite}`;
    return { type: 'library', name, version, purl: `pkg:deb/debian/${name}@${encodeURIComponent(version)}?${place}` };
  });
}

/** What `perch-objects` has files of. */
async function ofObjects(): Promise<readonly Component[]> {
  const archives = Object.fromEntries((await objectArchives()).map((one) => [`node_modules/${one.name}`, one]));
  return npmComponents(archives);
}

/** The sources of the picture decoder (packaging/picture-decoder), in each package as WebAssembly. */
const FFMPEG: Component = {
  type: 'library',
  name: 'FFmpeg',
  version: '5.1.9',
  purl: 'pkg:generic/ffmpeg@5.1.9',
  licenses: [{ license: { id: 'LGPL-2.1-or-later' } }],
};

/** FFmpeg as it is in the picture decoder. */
async function modifiedFfmpeg(): Promise<Component> {
  const folder = join(import.meta.dirname, 'picture-decoder');
  const sources = await readFile(join(folder, `ffmpeg-${FFMPEG.version}.tar.xz`));
  const content = createHash('sha256').update(sources).digest('hex');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.patch')).toSorted();
  const patches = names.map(async (name) => ({
    type: 'unofficial',
    diff: {
      text: { contentType: 'text/x-diff', encoding: 'base64', content: await readFile(join(folder, name), 'base64') },
    },
  }));
  return {
    ...FFMPEG,
    pedigree: {
      ancestors: [{ ...FFMPEG, hashes: [{ alg: 'SHA-256', content }] }],
      patches: await Promise.all(patches),
      notes: 'Only the decoders of H.264 and H.265, as WebAssembly: packaging/picture-decoder of the sources of Perch.',
    },
  };
}

interface SbomOptions {
  readonly name: string;
  readonly version: string;
  /** Unix seconds of the built commit. */
  readonly time: number;
}

/** @param architectures whose Node is in it @param controls of its Debian packages */
export async function writeSbom(
  file: string,
  options: SbomOptions,
  architectures: readonly Architecture[],
  controls: readonly string[] = [],
): Promise<void> {
  const nodes = architectures.map((one) => `node-linux-${ARCHITECTURES[one].npm}`);
  const npm = npmComponents().filter(({ name, type }) => type === 'library' || nodes.includes(name));
  // Containers and the image do not have it.
  const objects = options.name === 'perch' ? await ofObjects() : [];
  await writeFile(
    file,
    makeSbom(options, [...npm, ...objects, await modifiedFfmpeg(), ...debianComponents(controls, SUITE)]),
  );
}

/** CycloneDX 1.5 in JSON: https://cyclonedx.org/docs/1.5/json */
export function makeSbom({ name, version, time }: SbomOptions, components: readonly Component[]): string {
  const content = {
    metadata: {
      timestamp: new Date(time * 1_000).toISOString(),
      component: { type: 'application', 'bom-ref': 'perch', name, version },
    },
    components: components.map((component) => ({ 'bom-ref': component.purl, ...component })),
  };
  const id = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    // RFC 9562, version 8: of the content, so the same release has the same number.
    serialNumber: `urn:uuid:${id.slice(0, 8)}-${id.slice(8, 12)}-8${id.slice(13, 16)}-8${id.slice(17, 20)}-${id.slice(20, 32)}`,
    version: 1,
    ...content,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
