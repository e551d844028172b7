import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeObjectsArchive, objectFiles } from '../../../../packaging/objects.ts';
import { startAgent, until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';

interface Objects {
  readonly state: string;
  readonly reason: string | null;
}

/** The folder of a release, with these files. @returns its address, and what was asked for */
async function releaseWith(files: ReadonlyMap<string, Uint8Array>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const name = request.url?.split('/').at(-1) ?? '';
    asked.push(name);
    const found = files.get(name);
    response.writeHead(found ? 200 : 404).end(found);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  return { asked, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/perch` };
}

/** A box without npm. */
const boxOf = (address: string) =>
  startAgent({
    config: `api: yes\nupdateAddress: ${address}\npaths: { yard: { objects: [person] } }\n`,
    env: { PATH: '/nowhere' },
  });

describeWith(['object-model', 'npm'], 'the model of a release', () => {
  test('is fetched from updateAddress when objects are switched on, also from a later release', async () => {
    using folder = temporaryFolder();
    const options = { version: '98.7.6', folder: folder.path, time: 1_700_000_000, packing: 'quick' } as const;
    const archive = await makeObjectsArchive(await objectFiles(), { ...options, updateKeys: new Map() });
    const newest = Buffer.from('{"version":"98.7.6"}');
    const files = new Map([
      [basename(archive), await readFile(archive)],
      ['perch-update.json', newest],
    ]);
    const { asked, address } = await releaseWith(files);
    await using agent = await boxOf(address);
    const found = await until(async () => {
      const status = await agent.json<Objects>('/v3/objects');
      return ['missing', 'failed', 'ready'].includes(status.state) ? status : undefined;
    });
    expect(found).toMatchObject({ state: 'ready', reason: null });
    expect(asked.slice(1)).toEqual(['perch-update.json', 'perch-objects_98.7.6.tar.gz']);
  }, 180_000);

  test('that is not there, or another one, is the reason why none is found', async () => {
    const { address } = await releaseWith(new Map([['perch-update.json', Buffer.from('{"version":"98.7.6"}')]]));
    await using agent = await boxOf(address);
    const found = await until(async () => {
      const status = await agent.json<Objects>('/v3/objects');
      return status.state === 'missing' ? status : undefined;
    });
    expect(found.reason).toMatch(
      /answers HTTP 404 for \/perch\/perch-objects_98\.7\.6\.tar\.gz.*; npm is not installed/,
    );
  }, 180_000);
});
