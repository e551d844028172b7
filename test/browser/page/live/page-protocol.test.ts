import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FORWARDERS, SERVERS, SOURCES } from '../../../../agent/app/protocols.ts';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { expectMoving, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';
import { tinyH264, tinyVideo } from '../../../support/media/tiny-h264.ts';
import {
  FRAME,
  FrameReader,
  type Hello,
  writeHello,
  writeSample,
  writeTracks,
} from '../../../support/toy-protocol/frames.ts';
import { toyServer } from '../../../support/toy-protocol/server.ts';
import { toySource } from '../../../support/toy-protocol/source.ts';

const FPS = 10;
/** Pictures of six minutes. */
const PICTURES = tinyVideo(360 * FPS, FPS, FPS);

describeWith(['chromium'], 'a protocol of the tables alone, on the page', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let port: number;
  let publisher: Socket;
  let pace: NodeJS.Timeout;

  const dial = async (hello: Omit<Hello, 'query'>): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(writeHello({ query: '', ...hello }));
    return socket;
  };
  const password = (name: string, permissions: object) =>
    box.api<{ id: string; user: string; password: string }>('POST', 'devicepasswords', { name, ...permissions });

  beforeAll(async () => {
    port = await freePort();
    [viewer, box] = await Promise.all([
      startViewer(),
      startPageHarness({
        config: `toyAddress: 127.0.0.1:${port}\npaths:\n  stage:\n`,
        protocols: { servers: [...SERVERS, toyServer], sources: [...SOURCES, toySource], forwarders: FORWARDERS },
      }),
    ]);
    await box.claim();
    const { user, password: secret } = await password('Toy camera', { live: false, publish: true });
    publisher = await dial({ role: 'publish', path: 'stage', user, password: secret });
    await once(publisher, 'data');
    publisher.write(writeTracks([tinyH264]));
    let sent = 0;
    pace = setInterval(() => {
      const picture = PICTURES[sent++];
      if (picture) {
        publisher.write(writeSample(0, { ...picture, wall: Date.now() }));
      }
    }, 1000 / FPS);
    await until(async () => (await box.api<{ ready: boolean }>('GET', 'paths/get/stage')).ready || undefined);
  });
  afterAll(async () => {
    clearInterval(pace);
    publisher?.destroy();
    await viewer?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())(
    'on a %s its publisher is the source of a camera that plays, its player is in the viewing history and is disconnected there',
    async (size) => {
      const name = `Toy player ${size}`;
      const { user, password: secret } = await password(name, { live: true });
      const player = await dial({ role: 'read', path: 'stage', user, password: secret });
      const closed = once(player, 'close');
      let pictures = 0;
      const frames = new FrameReader((type) => {
        pictures += Number(type === FRAME.sample);
      });
      player.on('data', (chunk: Buffer) => frames.push(chunk));
      await until(async () => pictures > FPS || undefined);

      await using owner = await visit(viewer.browser, box, { size });
      const { page, complaints } = owner;
      await owner.logIn('#/live');
      await page.locator('.tile.live .surface.playing').waitFor();
      await expectMoving(owner, 1);
      await owner.go('#/settings/cameras/stage');
      await page
        .getByRole('button', { name: /^Source/ })
        .filter({ hasText: 'A program publishes' })
        .waitFor();
      expect(await box.api('GET', 'paths/get/stage')).toMatchObject({
        source: { type: 'toySession' },
        readers: expect.arrayContaining([{ type: 'toySession', id: expect.any(String) }]),
      });

      await owner.go('#/settings/people/views');
      await page.locator('.views .row').filter({ hasText: name }).filter({ hasText: 'watching since' }).waitFor();
      await owner.go('#/settings/people');
      await page.getByRole('button', { name: new RegExp(name) }).click();
      const sheet = page.getByRole('dialog', { name });
      await sheet.getByRole('button', { name: 'Revoke password' }).click();
      await sheet.getByText('Press again to revoke.').waitFor();
      await sheet.getByRole('button', { name: 'Revoke password' }).click();
      await closed;
      expect(await box.api('GET', 'toysessions/list')).toMatchObject({ items: [{ state: 'publish', path: 'stage' }] });
      expect(complaints).toEqual([]);
    },
  );
});
