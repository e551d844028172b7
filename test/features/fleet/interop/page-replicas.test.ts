import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { A_LAW } from '../../../../agent/media/g711/decode.ts';
import { until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { expectMoving, type Visit, visit } from '../../../peers/browser/page-visit.ts';
import { byLength, describeWith } from '../../../peers/programs/peers.ts';
import { Person } from '../support/person.ts';
import { cameraOf, linkedBoxes, PEERS, type Replica, type Replicated, startReplicated } from '../support/replicas.ts';

const LIMIT = { timeout: 240_000 };
/** Two cores run three Perches, a browser and what other tests need. */
const BACK_MS = byLength(30_000, 5_000);
const REVOKED_MS = byLength(20_000, 2_000);
/** Of a client beyond HAProxy, which all servers trust. */
const CLIENT = '203.0.113.7';

const isLoud = (file: string): boolean =>
  readFileSync(file).filter((code) => Math.abs(A_LAW[code] ?? 0) > 2_000).length > 800;

interface Session {
  readonly path: string;
  readonly user: string;
}

interface Seen {
  /** Unix milliseconds of the last picture. */
  lastMs: number;
  /** Longest time without one. */
  longestMs: number;
}

/** Notes the pictures of all cameras of the page from now on. */
const watchPictures = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const seen: Seen = { lastMs: Date.now(), longestMs: 0 };
    Object.assign(globalThis, { seen });
    const followed = new WeakSet<HTMLVideoElement>();
    const follow = (video: HTMLVideoElement) =>
      video.requestVideoFrameCallback(() => {
        seen.longestMs = Math.max(seen.longestMs, Date.now() - seen.lastMs);
        seen.lastMs = Date.now();
        follow(video);
      });
    setInterval(() => {
      for (const video of [...document.querySelectorAll<HTMLVideoElement>('.surface video')].filter(
        (one) => !followed.has(one),
      )) {
        followed.add(video);
        follow(video);
      }
    }, 50);
  });

const picturesOf = (page: Page): Promise<Seen> =>
  page.evaluate(() => ({ ...(globalThis as unknown as { readonly seen: Seen }).seen }));

async function press(page: Page, name: string): Promise<void> {
  const { x = 0, y = 0, width = 0, height = 0 } = (await page.getByRole('button', { name }).boundingBox()) ?? {};
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
}

describeWith([...PEERS, 'chromium'], 'the page of two replicas, behind the load balancer of packaging/fleet', () => {
  let fleet: Replicated;
  let viewer: Viewer;
  const camera = cameraOf(0);

  beforeAll(async () => {
    [fleet, viewer] = await Promise.all([
      startReplicated({ boxes: 1, replicas: 2, natsServers: 1, isSticky: true }),
      startViewer(),
    ]);
    await allAreLinked();
  }, 240_000);
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await fleet?.[Symbol.asyncDispose]();
  });

  const ownerAt = (replica: Replica) => ({ url: replica.agent.url, headers: fleet.owner.headers });
  const allAreLinked = () =>
    until(async () => {
      const linked = await Promise.all(fleet.replicas.map((replica) => linkedBoxes(ownerAt(replica))));
      return linked.every(({ length }) => length === 1) || undefined;
    });
  const sessionsAt = async (replica: Replica, kind: 'webrtcsessions' | 'hlssessions'): Promise<readonly string[]> => {
    const { items } = await asOwner<{ readonly items: readonly Session[] }>(
      ownerAt(replica),
      'GET',
      `/v3/${kind}/list`,
    );
    return items.map(({ path, user }) => `${path} ${user}`);
  };
  /** The replica that sends pictures by WebRTC to this person, and the other one. */
  const replicasOf = (user: string): Promise<readonly [own: Replica, other: Replica]> =>
    until(async () => {
      for (const [i, replica] of fleet.replicas.entries()) {
        const other = fleet.replicas[1 - i];
        if (other && (await sessionsAt(replica, 'webrtcsessions')).some((one) => one.startsWith(`${camera} ${user}`))) {
          return [replica, other] as const;
        }
      }
      return undefined;
    });
  const openPage = (): Promise<Visit> =>
    visit(viewer.browser, { port: 0, remoteUrl: fleet.balancer.url }, { size: 'desktop' });
  const openAs = async (name: string): Promise<Visit> => {
    const person = await Person.add(fleet, name);
    const visitor = await openPage();
    const [cookie = '', value = ''] = (person.headers['cookie'] ?? '').split('=');
    await visitor.context.addCookies([{ name: cookie, value, url: fleet.balancer.url }]);
    return visitor;
  };
  const live = `#/live/${encodeURIComponent(camera)}`;

  test('shows live pictures by WebRTC and recordings, and the camera plays what somebody says', LIMIT, async () => {
    await using visitor = await openAs('anna');
    const { page, complaints } = visitor;
    await visitor.go(live);
    await expectMoving(visitor, 1);
    await replicasOf('anna');
    await press(page, 'Hold to talk');
    await page.getByRole('button', { name: 'Speak now' }).waitFor();
    await until(() => isLoud(fleet.boxes[0]?.heard ?? '') || undefined);
    await page.mouse.up();
    await page.getByRole('button', { name: 'Hold to talk' }).waitFor();
    await visitor.go(`#/rec/${encodeURIComponent(camera)}?ago=5`);
    await page.waitForFunction(() => (document.querySelector<HTMLVideoElement>('.recording')?.currentTime ?? 0) > 1);
    expect(complaints).toEqual([]);
  });

  test('a right that is taken away at one replica ends what the other one sends', LIMIT, async () => {
    await using visitor = await openAs('bert');
    const { page } = visitor;
    await visitor.go(live);
    await expectMoving(visitor, 1);
    await watchPictures(page);
    const [own, other] = await replicasOf('bert');
    // HLS of a player that keeps no cookies: its session is at one replica, which the other one asks.
    const headers = { 'X-Forwarded-For': CLIENT };
    const cleo = await Person.add(fleet, 'cleo');
    const ask = ({ agent }: Replica, path: string, more = {}) =>
      fetch(`${agent.url}/hls/${camera}/${path}`, { headers: { ...headers, ...more } });
    const multivariant = await (await ask(own, 'index.m3u8', cleo.headers)).text();
    const media = multivariant.split('\n').find((line) => line.includes('session=')) ?? '';
    const statuses = () => Promise.all([own, other].map(async (replica) => (await ask(replica, media)).status));
    expect(await statuses()).toEqual([200, 200]);

    const takenMs = Date.now();
    await asOwner(ownerAt(other), 'PATCH', '/v3/users/bert', { cameras: [] });
    await until(async () => ((await sessionsAt(own, 'webrtcsessions')).length === 0 ? true : undefined));
    const endedMs = Date.now();
    const takenFromCleoMs = Date.now();
    await asOwner(ownerAt(other), 'PATCH', '/v3/users/cleo', { cameras: [] });
    await until(async () => ((await statuses()).every((status) => status === 401) ? true : undefined));
    const hlsMs = Date.now() - takenFromCleoMs;
    expect(await sessionsAt(own, 'hlssessions')).toEqual([]);
    await page.waitForFunction(() => document.querySelector('.surface.playing') === null);
    const { lastMs } = await picturesOf(page);
    expect(Math.max(endedMs - takenMs, lastMs - takenMs, hlsMs)).toBeLessThan(REVOKED_MS);
  });

  test('a link for a guest that is revoked at one replica ends what the other one sends', LIMIT, async () => {
    const guest = { paths: [camera], until: new Date(Date.now() + 3_600_000).toISOString() };
    const { id, token } = await asOwner<{ readonly id: string; readonly token: string }>(
      ...([fleet.owner, 'POST', '/v3/guests', guest] as const),
    );
    await using visitor = await openPage();
    const { page } = visitor;
    await visitor.go(`#/guest/${token}`);
    await expectMoving(visitor, 1);
    await watchPictures(page);
    const [, other] = await replicasOf('guest:');
    const takenMs = Date.now();
    await asOwner(ownerAt(other), 'DELETE', `/v3/guests/${id}`);
    await page.getByRole('heading', { name: 'This link has expired or was revoked.' }).waitFor();
    const { lastMs } = await picturesOf(page);
    expect(lastMs - takenMs).toBeLessThan(REVOKED_MS);
  });

  test('kill -9 of the replica that sends the pictures: they go on from the other one', LIMIT, async () => {
    await using visitor = await openAs('dora');
    const { page } = visitor;
    await visitor.go(live);
    await expectMoving(visitor, 1);
    await watchPictures(page);
    const [own] = await replicasOf('dora');
    await own.kill();
    const killedMs = Date.now();
    await until(async () => ((await picturesOf(page)).lastMs > killedMs + 1_500 ? true : undefined));
    const { longestMs } = await picturesOf(page);
    expect(longestMs).toBeLessThan(BACK_MS);
  });
});
