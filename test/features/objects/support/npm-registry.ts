import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { LockedArchive } from '../../../../agent/features/objects/model/archives.ts';

/** A package as a registry has it, and as Perch locks it. */
export interface SmallPackage {
  readonly locked: LockedArchive;
  readonly archive: Buffer;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** @param files contents by path, of which all are wanted */
export function smallPackage(name: string, files: Readonly<Record<string, Uint8Array>>): SmallPackage {
  const manifest = Buffer.from(
    JSON.stringify({ name, version: '1.0.0', scripts: { prepack: 'exit 1', install: 'exit 1' } }),
  );
  const archive = gzipSync(tarOf({ 'package/package.json': manifest, ...files }));
  const locked = Object.entries(files).map(([path, bytes]) => {
    return [path, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }] as const;
  });
  return {
    archive,
    files: new Map(Object.entries(files)),
    locked: {
      name,
      version: '1.0.0',
      integrity: integrityOf(archive),
      bytes: archive.length,
      files: Object.fromEntries(locked),
    },
  };
}

const integrityOf = (bytes: Uint8Array): string => `sha512-${createHash('sha512').update(bytes).digest('base64')}`;

/** A registry of npm on this machine. `hold` keeps archives back until it is called. */
export async function npmRegistry(packages: readonly SmallPackage[], { isHeld = false } = {}) {
  let asked = (): void => {};
  const archiveAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const server = createServer((request, response) => {
    const url = decodeURIComponent(request.url ?? '');
    const one = packages.find(({ locked: { name } }) => url === `/${name}` || url === `/${name}.tgz`);
    if (!one) {
      response.writeHead(404).end('{"error": "not found"}');
    } else if (url.endsWith('.tgz')) {
      asked();
      if (isHeld) {
        response.writeHead(200, { 'content-length': one.archive.length }).write(one.archive.subarray(0, 10));
      } else {
        response.end(one.archive);
      }
    } else {
      const { name, version } = one.locked;
      const dist = { tarball: `${address}/${name}.tgz`, integrity: integrityOf(one.archive) };
      const document = { name, 'dist-tags': { latest: version }, versions: { [version]: { name, version, dist } } };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { address, archiveAsked, close };
}

/** POSIX.1-1988 (ustar) */
function tarOf(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const parts = Object.entries(files).flatMap(([path, bytes]) => {
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write('0000644\0', 100);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(`${'0'.repeat(11)}\0`, 136);
    header.write('        0', 148);
    header.write('ustar\x0000', 257, 'latin1');
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1_024)]);
}
